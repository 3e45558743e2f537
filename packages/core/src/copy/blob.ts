import { Semaphore } from "../concurrency/semaphore.ts";
import { Singleflight } from "../concurrency/singleflight.ts";
import { CopyFailure } from "../errors.ts";
import type { Metrics } from "../observe/metrics.ts";
import { firstValue } from "../protocol/headers.ts";
import type { Part } from "../protocol/manifest.ts";
import { createResumer } from "../pull/resume.ts";
import { ResumableBody } from "../upstream/resumable-body.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { askProxy, type CopyJob, type Found, findAtProxies, hostedHas } from "./requests.ts";
import { uploadBlob } from "./upload.ts";
import { VerifiedBlob } from "./verified-blob.ts";

type CopyResult = "copied" | "there already";

// Each copy holds two connections and the bytes between them. More would not make the disks of most registries faster.
const copiesAtOnce = 16;

export class BlobCopier {
  readonly #metrics: Metrics;
  readonly #shared = new Singleflight<CopyResult>();
  readonly #slots = new Semaphore(copiesAtOnce);

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /**
   * Copies a blob from a proxy to hosted, unless hosted has it. Concurrent pushes of the same blob share one copy: a client
   * that leaves ends it only if no other push waits for it.
   * @throws CopyFailure, ClientAborted
   */
  copy(copying: CopyJob, part: Part, signal: AbortSignal): Promise<CopyResult> {
    return this.#shared.run(copying.repository, keyOf(copying, part), signal, (wanted) =>
      this.#slots.run(wanted, () => copyUnlessThere(this.#metrics, copying, part, wanted)),
    );
  }
}

/** Only pushes with the same rights share a copy: those of the rules, and at hosted those of the client's credentials. */
function keyOf({ from, proxies, authorization }: CopyJob, { digest }: Part): string {
  return JSON.stringify([digest, from, proxies.map(({ name }) => name), authorization]);
}

async function copyUnlessThere(
  metrics: Metrics,
  copying: CopyJob,
  part: Part,
  signal: AbortSignal,
): Promise<CopyResult> {
  const address = `blobs/${part.digest}`;
  if (await hostedHas(copying, address, signal)) {
    return "there already";
  }
  const found = await findAtProxies(copying, address, signal);
  const body = bodyOf(metrics, copying, part, found, signal);
  try {
    const length = lengthOf(found, part);
    const bytes = new VerifiedBlob(body, part.digest);
    await uploadBlob(copying, { digest: part.digest, length, bytes }, signal);
  } finally {
    body.close();
  }
  metrics.copiedBlobs.inc({ from: found.proxy.name });
  return "copied";
}

function bodyOf(
  metrics: Metrics,
  copying: CopyJob,
  { digest }: Part,
  { proxy, answer }: Found,
  signal: AbortSignal,
): ResumableBody {
  const send = (upstream: Upstream, range: string) =>
    askProxy(copying, upstream, { address: `blobs/${digest}`, range }, signal);
  return new ResumableBody(
    { upstream: proxy, answer, skip: 0 },
    {
      resumer: createResumer(metrics, { digest, order: copying.proxies, send }, answer),
      received: (from, bytes) => metrics.copiedBytes.inc({ from: from.name }, bytes),
    },
  );
}

/** Undefined for a response in chunks. @throws CopyFailure if the manifest has another length */
function lengthOf({ proxy, answer }: Found, { digest, size }: Part): number | undefined {
  const text = firstValue(answer.headers, "content-length");
  const length = text === undefined ? undefined : Number(text);
  if (length !== undefined && size !== undefined && length !== size) {
    throw new CopyFailure(`${proxy.name} has ${length} bytes for ${digest}, the manifest says ${size}`);
  }
  return length;
}
