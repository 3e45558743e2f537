import type { Readable } from "node:stream";
import { CopyFailure } from "../errors.ts";
import { firstValue } from "../protocol/headers.ts";
import { joinQuery } from "../protocol/session-address.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { UploadTarget } from "../upstream/upload-addresses.ts";
import { chunkLength, chunksOf } from "./chunks.ts";
import { askHosted, type CopyRequest, type CopyTarget, expectStatus } from "./requests.ts";

export interface Blob {
  readonly digest: string;
  /** Bytes; undefined if not known in advance. */
  readonly length: number | undefined;
  readonly bytes: Readable;
}

// Milliseconds.
const cancelTimeout = 10_000;
const type = "application/octet-stream";

/**
 * Uploads a blob in one piece; in one chunk if its length is not known; in several if hosted states how long they may be
 * (distribution-spec 1.1, "Pushing blobs"). Any success is one: registries differ in which 2xx they answer.
 * @throws CopyFailure, ClientAborted; the upload session is then cancelled
 */
export async function uploadBlob(
  copying: CopyTarget,
  { digest, length, bytes }: Blob,
  signal: AbortSignal,
): Promise<void> {
  const take = async (step: CopyRequest) =>
    expectStatus(await askHosted(copying, step, signal), `upload of ${digest}`, copying.hosted, "success");
  let session: UploadTarget | undefined;
  const patch = async (at: UploadTarget, body: Pick<CopyRequest, "stream" | "body" | "contentRange">) => {
    const answer = await take({ method: "PATCH", address: at, type, ...body });
    session = firstValue(answer.headers, "location") === undefined ? at : sessionOf(copying, answer, at);
    return session;
  };
  try {
    const begun = await take({ method: "POST", address: "blobs/uploads/" });
    session = sessionOf(copying, begun);
    const chunk = chunkLength(begun.headers, length);
    let last: Pick<CopyRequest, "stream" | "body" | "contentRange" | "type"> = {};
    if (chunk !== undefined) {
      for await (const { body, contentRange, isLast } of chunksOf(bytes, chunk)) {
        if (isLast) {
          last = { body, contentRange, type };
        } else {
          session = await patch(session, { body, contentRange });
        }
      }
    } else if (length === undefined) {
      session = await patch(session, { stream: { bytes, length } });
    } else {
      last = { stream: { bytes, length }, type };
    }
    await take({ method: "PUT", address: withDigest(session, digest), ...last });
  } catch (error) {
    cancel(copying, session);
    throw error;
  } finally {
    // The response may come before the end of the body.
    bytes.destroy();
  }
}

/** Cancels an upload session in the background. If that fails, the session expires at hosted. */
export function cancel(copying: CopyTarget, session: UploadTarget | undefined): void {
  if (session !== undefined) {
    askHosted(copying, { method: "DELETE", address: session }, AbortSignal.timeout(cancelTimeout))
      .then((said) => expectStatus(said, "end of an upload", copying.hosted))
      .catch(() => undefined);
  }
}

/**
 * Path and query of an upload session, which may hold its state.
 * @param asked what was answered; the request that begins an upload unless given
 * @throws CopyFailure if hosted gave no `Location`, or one on another host
 */
export function sessionOf(
  { hosted, repository, publicHost }: CopyTarget,
  { headers }: Pick<UpstreamResponse, "headers">,
  asked: UploadTarget = { path: `/v2/${hosted.nameOf(repository)}/blobs/uploads/`, search: "" },
): UploadTarget {
  const location = firstValue(headers, "location");
  const session =
    location === undefined ? undefined : hosted.uploadAt(location, { ...asked, repository }, publicHost);
  if (session === undefined) {
    throw new CopyFailure(`${hosted.name} gave the upload no Location, or one on another host`);
  }
  return session;
}

function withDigest(session: UploadTarget, digest: string): UploadTarget {
  return { ...session, search: joinQuery(session.search, `?digest=${encodeURIComponent(digest)}`) };
}
