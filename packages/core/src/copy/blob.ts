import { CopyFailure } from "../errors.ts";
import { firstValue, type RawHeaders } from "../protocol/headers.ts";
import type { Part } from "../protocol/manifest.ts";
import { ResumableBody } from "../pull/resumable-body.ts";
import { createResumer } from "../pull/resume.ts";
import type { CopyResult, Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { askProxy, type CopyJob, type Found, findAtProxies, hostedHas } from "./requests.ts";
import { uploadBlob } from "./upload.ts";
import { VerifiedBlob } from "./verified-blob.ts";

/**
 * Copies a blob to hosted, unless hosted has it. Pushes that need the same blob at the same time share one copy.
 * @throws CopyFailure, ClientAborted
 */
export function copyBlob(
  services: Services,
  copying: CopyJob,
  part: Part,
  signal: AbortSignal,
): Promise<CopyResult> {
  const { shared, places } = services.copies;
  return shared.run(keyOf(copying, part), signal, (wanted) =>
    places.take(wanted, () => copyUnlessThere(services, copying, part, wanted)),
  );
}

/** Only pushes with the same rights share a copy: by the rules, and by hosted where it checks the client's credentials. */
function keyOf({ repository, from, proxies, authorization }: CopyJob, { digest }: Part): string {
  return JSON.stringify([repository, digest, from, proxies.map(({ name }) => name), authorization]);
}

async function copyUnlessThere(
  services: Services,
  copying: CopyJob,
  part: Part,
  signal: AbortSignal,
): Promise<CopyResult> {
  const address = `blobs/${part.digest}`;
  if (await hostedHas(services, copying, address, signal)) {
    return "there already";
  }
  const found = await findAtProxies(services, copying, address, signal);
  const body = bodyOf(services, copying, part, found, signal);
  try {
    const length = lengthOf(found, part);
    const bytes = new VerifiedBlob(body, part.digest);
    await uploadBlob(services, copying, { digest: part.digest, length, bytes }, signal);
  } finally {
    body.close();
  }
  services.metrics.copiedBlobs.inc({ from: found.proxy.name });
  return "copied";
}

function bodyOf(
  services: Services,
  copying: CopyJob,
  { digest }: Part,
  { proxy, answer }: Found,
  signal: AbortSignal,
): ResumableBody {
  const ask = (upstream: Upstream, range: string) =>
    askProxy(services, copying, upstream, { address: `blobs/${digest}`, range }, signal);
  return new ResumableBody(
    { upstream: proxy, answer, skip: 0 },
    {
      resumer: createResumer(services, { digest, order: copying.proxies, ask }, answer),
      received: (from, bytes) => services.metrics.copiedBytes.inc({ from: from.name }, bytes),
    },
  );
}

/** Bytes; undefined if they come in chunks. @throws CopyFailure if the manifest says otherwise */
function lengthOf({ proxy, answer }: Found, { digest, size }: Part): number | undefined {
  const length = contentLength(answer.headers);
  if (length !== undefined && size !== undefined && length !== size) {
    throw new CopyFailure(`${proxy.name} has ${length} bytes for ${digest}, the manifest says ${size}`);
  }
  return length;
}

function contentLength(headers: RawHeaders): number | undefined {
  const text = firstValue(headers, "content-length");
  return text === undefined ? undefined : Number(text);
}
