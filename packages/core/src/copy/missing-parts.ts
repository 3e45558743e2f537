import { mapConcurrently } from "../concurrency/semaphore.ts";
import { CopyFailure } from "../errors.ts";
import { firstValue } from "../protocol/headers.ts";
import { longestManifest, manifestTypes, type Part, partsOf } from "../protocol/manifest.ts";
import { isContent } from "../protocol/names.ts";
import type { Resource } from "../protocol/request.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { BlobCopier } from "./blob.ts";
import { askHosted, type CopyJob, expectStatus, findAtProxies, hostedHas } from "./requests.ts";

export interface CopyCount {
  readonly blobs: number;
  readonly manifests: number;
}

interface Incomplete {
  readonly body: Buffer;
  readonly signal: AbortSignal;
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
      throw new CopyFailure(`more than ${deepest} nested indexes`);
    }
    for (const child of unseen(children, this.#seen.manifests, mostManifests, "manifests")) {
      await this.#copyManifest(child, depth + 1);
    }
    const wanted = unseen(blobs, this.#seen.blobs, mostBlobs, "blobs");
    const { signal } = this.#incomplete;
    await mapConcurrently(wanted, { atOnce: blobsAtOnce, signal }, async (part, wantedStill) => {
      if ((await this.#copier.copy(this.#copying, part, wantedStill)) === "copied") {
        this.count.blobs += 1;
      }
    });
  }

  async #copyManifest({ digest }: Part, depth: number): Promise<void> {
    const { signal, afterAccept } = this.#incomplete;
    const address = `manifests/${digest}`;
    if (await hostedHas(this.#copying, address, signal, manifestTypes)) {
      return;
    }
    const { proxy, answer } = await findAtProxies(this.#copying, address, signal, manifestTypes);
    const body = await readUpTo(answer.body, longestManifest, proxy.timeouts.idle);
    if (body === undefined || !isContent(digest, body)) {
      throw new CopyFailure(`${proxy.name} sent content for ${address} that is wrong or incomplete`);
    }
    const type = firstValue(answer.headers, "content-type") ?? "application/json";
    await this.copyParts(body, depth);
    const { hosted, repository } = this.#copying;
    const put = await askHosted(this.#copying, { method: "PUT", address, body, type }, signal);
    const response = expectStatus(put, `PUT of ${address}`, hosted, 201);
    this.count.manifests += 1;
    const resource = { kind: "manifest", repository, reference: digest, byDigest: true } as const;
    await afterAccept(resource, { body, type }, response);
  }
}

function unseen(parts: readonly Part[], seen: Set<string>, most: number, what: string): readonly Part[] {
  const fresh = parts.filter(({ digest }) => !seen.has(digest));
  for (const { digest } of fresh) {
    seen.add(digest);
  }
  if (seen.size > most) {
    throw new CopyFailure(`more than ${most} ${what}`);
  }
  return fresh;
}
