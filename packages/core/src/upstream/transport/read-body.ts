import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { ClientAborted, UpstreamFailure } from "../../errors.ts";
import { shareableLength } from "../../protocol/shareable.ts";
import type { UpstreamResponse } from "./send.ts";

/** Bytes that are read of an error or a list whose text matters. */
export const errorBodyLimit = 64 * 1024;

/**
 * Reads a body that ought to be small. Undefined if it is longer than `limit`, breaks off, or takes longer than `milliseconds`; the
 * body is destroyed then.
 * @param isIdleTimeout whether each piece restarts the timeout
 */
export function readUpTo(
  body: Readable,
  limit: number,
  milliseconds: number,
  { isIdleTimeout = false }: { readonly isIdleTimeout?: boolean } = {},
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (result: Buffer | undefined) => {
      clearTimeout(timer);
      body.off("data", onData);
      if (result === undefined) {
        body.destroy();
      }
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        settle(undefined);
        return;
      }
      chunks.push(chunk);
      if (isIdleTimeout) {
        timer.refresh();
      }
    };
    const fail = () => settle(undefined);
    const timer = setTimeout(fail, milliseconds);
    body.on("data", onData);
    body.once("end", () => {
      body.off("close", fail);
      settle(Buffer.concat(chunks));
    });
    body.once("error", fail);
    body.once("close", fail);
  });
}

/**
 * Reads the body of an error that decides what happens next, up to `errorBodyLimit`.
 * @returns its text, and the response with the same body for those who read it next; without one if it was longer or broke off
 */
export async function peekError(answer: UpstreamResponse, idle: number): Promise<[UpstreamResponse, string]> {
  const bytes = await readUpTo(answer.body, errorBodyLimit, idle);
  const body = new IncomingMessage(new Socket());
  if (bytes === undefined) {
    body.destroy();
    return [{ ...answer, body }, ""];
  }
  body.complete = true;
  body.push(bytes);
  body.push(null);
  return [{ ...answer, body }, bytes.toString()];
}

/**
 * Reads the body of a response that may be shared. Any other response is returned unread.
 * @param signal aborted when no client waits for the response
 * @param idle milliseconds between two pieces
 * @throws UpstreamFailure if the body is incomplete; ClientAborted
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
  const read = await readUpTo(answer.body, length, idle, { isIdleTimeout: true });
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
