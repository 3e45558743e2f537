import { mapConcurrently } from "../concurrency/semaphore.ts";
import { CopyFailure } from "../errors.ts";
import { firstValue } from "../protocol/headers.ts";
import { longestManifest, manifestTypes, type Part, partsOf } from "../protocol/manifest.ts";
import { isContent } from "../protocol/names.ts";
import type { Resource } from "../protocol/request.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { BlobCopier } from "./blob.ts";
import { askHosted, type CopyJob, expectSuccess, findAtProxies, hostedHas } from "./requests.ts";

export interface CopyCount {
  readonly blobs: number;
  readonly manifests: number;
}

interface Incomplete {
  readonly body: Buffer;
  readonly signal: AbortSignal;
  /** Whether a part of the pushed manifest is known to be at hosted, and need not be looked for. */
  isAtHosted(digest: string): boolean;
  /** Whether a part that no upstream has is left out. */
  mayBeAbsent(digest: string): boolean;
  /** Called for each part that hosted has by now. */
  arrived(digest: string): void;
  /** Called for each copied manifest, with hosted's response. */
  afterAccept(
    resource: Extract<Resource, { kind: "manifest" }>,
    manifest: { readonly body: Buffer; readonly type: string },
    answer: UpstreamResponse,
  ): Promise<unknown>;
}

// Per push. The largest indexes have a few dozen manifests, and images a hundred or so layers.
const mostManifests = 500;
const mostBlobs = 5_000;
const deepest = 4;
const blobsAtOnce = 4;

/**
 * Copies the parts of a pushed manifest that hosted lacks from the proxies: the blobs, and for an index its manifests, each one after its
 * own parts.
 * @throws CopyFailure if a part cannot be copied, or there are too many; ClientAborted
 */
export async function copyMissing(
  copier: BlobCopier,
  copying: CopyJob,
  incomplete: Incomplete,
): Promise<CopyCount> {
  const copy = new CopyOfParts(copier, copying, incomplete);
  await copy.copyParts(incomplete.body, 0);
  return copy.count;
}

class CopyOfParts {
  readonly count = { blobs: 0, manifests: 0 };
  readonly #copier: BlobCopier;
  readonly #copying: CopyJob;
  readonly #incomplete: Incomplete;
  readonly #seen = { blobs: new Set<string>(), manifests: new Set<string>() };

  constructor(copier: BlobCopier, copying: CopyJob, incomplete: Incomplete) {
    this.#copier = copier;
    this.#copying = copying;
    this.#incomplete = incomplete;
  }

  async copyParts(manifest: Buffer, depth: number): Promise<void> {
    const { blobs, children } = partsOf(manifest);
    if (children.length > 0 && depth === deepest) {
      throw new CopyFailure(`more than ${deepest} nested indexes are not copied`, { isLimit: true });
    }
    for (const child of this.#unseen(children, this.#seen.manifests, mostManifests, "manifests")) {
      await this.#unlessAbsent(child, () => this.#copyManifest(child, depth + 1));
    }
    const wanted = this.#unseen(blobs, this.#seen.blobs, mostBlobs, "blobs");
    const { signal } = this.#incomplete;
    await mapConcurrently(wanted, { atOnce: blobsAtOnce, signal }, (part, wantedStill) =>
      this.#unlessAbsent(part, async () => {
        if ((await this.#copier.copy(this.#copying, part, wantedStill)) === "copied") {
          this.count.blobs += 1;
        }
      }),
    );
  }

  async #unlessAbsent({ digest }: Part, copy: () => Promise<void>): Promise<void> {
    const { mayBeAbsent, arrived } = this.#incomplete;
    try {
      await copy();
      arrived(digest);
    } catch (error) {
      if (!(error instanceof CopyFailure && error.isAbsent && mayBeAbsent(digest))) {
        throw error;
      }
    }
  }

  #unseen(parts: readonly Part[], seen: Set<string>, most: number, what: string): readonly Part[] {
    const fresh = parts.filter(({ digest }) => !seen.has(digest) && !this.#incomplete.isAtHosted(digest));
    for (const { digest } of fresh) {
      seen.add(digest);
    }
    if (seen.size > most) {
      throw new CopyFailure(
        `more than ${most} ${what} are not copied for one push, and this one needs ${seen.size} or more`,
        { isLimit: true },
      );
    }
    return fresh;
  }

  async #copyManifest({ digest }: Part, depth: number): Promise<void> {
    const { signal, afterAccept } = this.#incomplete;
    const address = `manifests/${digest}`;
    if (await hostedHas(this.#copying, address, signal, manifestTypes)) {
      return;
    }
    const { proxy, answer } = await findAtProxies(this.#copying, address, signal, manifestTypes);
    const length = Number(firstValue(answer.headers, "content-length") ?? 0);
    if (length > longestManifest) {
      answer.body.destroy();
      throw new CopyFailure(
        `${proxy.name} has ${length} bytes for ${address}, and a manifest of ${longestManifest} bytes is copied at most`,
      );
    }
    const body = await readUpTo(answer.body, longestManifest, proxy.timeouts.idle);
    if (body === undefined || !isContent(digest, body)) {
      throw new CopyFailure(`${proxy.name} sent content for ${address} that is wrong or incomplete`);
    }
    const type = firstValue(answer.headers, "content-type") ?? "application/json";
    await this.copyParts(body, depth);
    const { hosted, repository } = this.#copying;
    const put = await askHosted(this.#copying, { method: "PUT", address, body, type }, signal);
    const response = expectSuccess(put, `PUT of ${address}`, hosted);
    this.count.manifests += 1;
    const resource = { kind: "manifest", repository, reference: digest, byDigest: true } as const;
    await afterAccept(resource, { body, type }, response);
  }
}
