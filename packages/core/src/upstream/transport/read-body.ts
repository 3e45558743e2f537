import type { Readable } from "node:stream";
import { ClientAborted, UpstreamFailure } from "../../errors.ts";
import { shareableLength } from "../../protocol/shareable.ts";
import type { UpstreamResponse } from "./send.ts";

/** Bytes of the longest error or list that is read into memory. */
export const errorBodyLimit = 64 * 1024;

/**
 * Reads a small body. Undefined, and the body is destroyed, if it is longer than `limit`, breaks off, or takes longer than
 * `milliseconds`.
 * @param goesOn whether each piece starts the time again
 */
export function readUpTo(
  body: Readable,
  limit: number,
  milliseconds: number,
  { goesOn = false }: { readonly goesOn?: boolean } = {},
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const give = (result: Buffer | undefined) => {
      clearTimeout(timer);
      body.off("data", take);
      if (result === undefined) {
        body.destroy();
      }
      resolve(result);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        give(undefined);
      } else {
        chunks.push(chunk);
        if (goesOn) {
          timer.refresh();
        }
      }
    };
    const timer = setTimeout(() => give(undefined), milliseconds);
    body.on("data", take);
    body.once("end", () => give(Buffer.concat(chunks)));
    body.once("error", () => give(undefined));
    body.once("close", () => give(undefined));
  });
}

/**
 * Reads a shareable response to its end. Any other one is returned unread.
 * @param idle milliseconds without a byte
 * @throws UpstreamFailure if the body does not end; ClientAborted
 */
export async function readWhole(
  answer: UpstreamResponse,
  { method, signal }: { readonly method: string; readonly signal: AbortSignal },
  idle: number,
): Promise<UpstreamResponse> {
  const length = shareableLength(method, answer.status, answer.headers);
  if (length === undefined) {
    return answer;
  }
  const cancel = () => answer.body.destroy();
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) {
    cancel();
  }
  const read = await readUpTo(answer.body, length, idle, { goesOn: true });
  signal.removeEventListener("abort", cancel);
  if (signal.aborted) {
    throw new ClientAborted();
  }
  if (read?.length !== length) {
    throw answer.body.errored === null
      ? new UpstreamFailure("timeout", "did not send the end of a manifest in time")
      : new UpstreamFailure("broken", "broke off in the middle of a manifest");
  }
  return { ...answer, read };
}
