import { Readable } from "node:stream";
import { CopyFailure } from "../errors.ts";
import { firstValue, type RawHeaders } from "../protocol/headers.ts";
import type { Part } from "../protocol/manifest.ts";
import { createResumer } from "../pull/resume.ts";
import type { CopyResult, Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { BlobReader, verified } from "./blob-reader.ts";
import { askProxy, type CopyJob, type Found, findAtProxies, hostedHas } from "./requests.ts";
import { uploadBlob } from "./upload.ts";

/**
 * Sees to it that hosted has a blob. Those who need the same one at a time wait for the same copy.
 * @throws CopyFailure, ClientGone
 */
export function copyBlob(
  services: Services,
  copying: CopyJob,
  part: Part,
  signal: AbortSignal,
): Promise<CopyResult> {
  const { shared, places } = services.copies;
  return shared.run(keyOf(copying, part), signal, (wanted) =>
    places.run(wanted, () => copyUnlessThere(services, copying, part, wanted)),
  );
}

/** Those who share a copy have to be permitted the same: by the rules, and by hosted where it judges them. */
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
  const reader = readerOf(services, copying, part, found, signal);
  try {
    const length = lengthOf(found, part);
    const bytes = Readable.from(verified(reader, part.digest));
    await uploadBlob(services, copying, { digest: part.digest, length, bytes }, signal);
  } finally {
    reader.close();
  }
  services.metrics.copiedBlobs.inc({ from: found.proxy.name });
  return "copied";
}

function readerOf(
  services: Services,
  copying: CopyJob,
  { digest }: Part,
  { proxy, answer }: Found,
  signal: AbortSignal,
): BlobReader {
  const ask = (upstream: Upstream, range: string) =>
    askProxy(services, copying, upstream, { address: `blobs/${digest}`, range }, signal);
  return new BlobReader(
    { upstream: proxy, answer, passOver: 0 },
    createResumer(services, { digest, order: copying.proxies, ask }, answer),
    (from, bytes) => services.metrics.copiedBytes.inc({ from: from.name }, bytes),
  );
}

/** Bytes to come; undefined if they come in chunks. @throws CopyFailure if it is not what the manifest says */
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
