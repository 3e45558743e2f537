import type { Readable } from "node:stream";
import { CopyFailure } from "../errors.ts";
import { firstValue } from "../protocol/headers.ts";
import { relativeLocations } from "../protocol/locations.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import { askHosted, type CopyJob, type CopyRequest, expectStatus } from "./requests.ts";

export interface Blob {
  readonly digest: string;
  /** Bytes; undefined if not known in advance. */
  readonly length: number | undefined;
  readonly bytes: Readable;
}

// Milliseconds.
const cancelTimeout = 10_000;

/**
 * Uploads a blob in one piece, or in chunks if its length is not known (distribution-spec 1.1, "Pushing blobs").
 * @throws CopyFailure, ClientAborted; the upload session is then cancelled
 */
export async function uploadBlob(
  copying: CopyJob,
  { digest, length, bytes }: Blob,
  signal: AbortSignal,
): Promise<void> {
  const stream = { type: "application/octet-stream", stream: { bytes, length } };
  const take = async (step: CopyRequest, expected: number) =>
    expectStatus(await askHosted(copying, step, signal), `upload of ${digest}`, copying.hosted, expected);
  let session: string | undefined;
  try {
    session = sessionOf(copying, await take({ method: "POST", address: "blobs/uploads/" }, 202));
    if (length === undefined) {
      session = sessionOf(copying, await take({ method: "PATCH", address: session, ...stream }, 202));
    }
    const put = { method: "PUT", address: withDigest(session, digest) };
    await take(length === undefined ? put : { ...put, ...stream }, 201);
  } catch (error) {
    cancel(copying, session);
    throw error;
  } finally {
    // The response may come before the end of the body.
    bytes.destroy();
  }
}

/** Cancels an upload session in the background. If that fails, the session expires at hosted. */
export function cancel(copying: CopyJob, session: string | undefined): void {
  if (session !== undefined) {
    askHosted(copying, { method: "DELETE", address: session }, AbortSignal.timeout(cancelTimeout))
      .then((said) => expectStatus(said, "end of an upload", copying.hosted))
      .catch(() => undefined);
  }
}

/**
 * Path and query of an upload session, which may hold its state.
 * @throws CopyFailure if hosted gave no `Location`, or one on another host
 */
export function sessionOf(
  { hosted, publicHost }: CopyJob,
  { headers }: Pick<UpstreamResponse, "headers">,
): string {
  const location = firstValue(headers, "location") ?? "";
  const [, address = ""] = relativeLocations(["Location", location], { upstream: hosted.url, publicHost });
  if (!address.startsWith("/v2/")) {
    throw new CopyFailure(`${hosted.name} gave the upload no Location, or one on another host`);
  }
  return address;
}

function withDigest(session: string, digest: string): string {
  return `${session}${session.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`;
}
