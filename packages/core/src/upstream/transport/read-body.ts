import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Readable } from "node:stream";
import { brotliDecompress, gunzip, inflate } from "node:zlib";
import { ClientAborted, UpstreamFailure } from "../../errors.ts";
import { endToEnd, type RawHeaders } from "../../protocol/headers.ts";
import { wholeManifest } from "../../protocol/shareable.ts";
import type { UpstreamResponse } from "./send.ts";

/** Bytes that are read of an error or a list whose text matters. */
export const errorBodyLimit = 64 * 1024;

/**
 * Reads a body that ought to be small, and decodes it. Undefined if it is longer than `limit`, breaks off, or takes longer than `milliseconds`; the
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
      clearTimeout(timer);
      resolve(decoded(body, Buffer.concat(chunks), limit));
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
 * Reads a manifest. Any other response, and a manifest that is too long to be held, is returned unread.
 * @param signal aborted when no client waits for the response
 * @param idle milliseconds between two pieces
 * @throws UpstreamFailure if the body is incomplete; ClientAborted
 */
export async function readWhole(
  answer: UpstreamResponse,
  { method, signal }: { readonly method: string; readonly signal: AbortSignal },
  idle: number,
): Promise<UpstreamResponse> {
  const whole = wholeManifest(method, answer.status, answer.headers);
  if (whole === undefined) {
    return answer;
  }
  const cancel = () => answer.body.destroy();
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) {
    cancel();
  }
  const read = await readUpTo(answer.body, whole.limit, idle, { isIdleTimeout: true });
  signal.removeEventListener("abort", cancel);
  if (signal.aborted) {
    throw new ClientAborted();
  }
  if (read === undefined || (whole.length ?? read.length) !== read.length) {
    throw unreadable(answer, whole.limit);
  }
  return whole.length === undefined
    ? { ...answer, read, headers: withLength(answer.headers, read.length) }
    : { ...answer, read };
}

function unreadable({ body }: UpstreamResponse, limit: number): UpstreamFailure {
  if (body.errored !== null) {
    return new UpstreamFailure("broken", "broke off in the middle of a manifest");
  }
  return body.complete
    ? new UpstreamFailure(
        "broken",
        `sent a manifest of more than ${limit} bytes, or with a coding that cannot be read`,
      )
    : new UpstreamFailure("timeout", "did not send the end of a manifest in time");
}

const aboutCoding: ReadonlySet<string> = new Set(["content-encoding", "content-length"]);

function withLength(headers: RawHeaders, length: number): RawHeaders {
  return [...endToEnd(headers, aboutCoding), "Content-Length", String(length)];
}

// Some registries compress what was requested with `Accept-Encoding: identity`.
const decoders: ReadonlyMap<string, typeof gunzip> = new Map([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  ["deflate", inflate],
  ["br", brotliDecompress],
]);

/** The content of a body; undefined if it cannot be decoded, or is longer than `limit`. */
function decoded(body: Readable, bytes: Buffer, limit: number): Promise<Buffer | undefined> | Buffer {
  const coding = body instanceof IncomingMessage ? body.headers["content-encoding"] : undefined;
  const decode = coding === undefined ? undefined : decoders.get(coding.trim().toLowerCase());
  if (decode === undefined || bytes.length === 0) {
    return bytes;
  }
  return new Promise((resolve) => {
    decode(bytes, { maxOutputLength: limit }, (error, content) =>
      resolve(error === null ? content : undefined),
    );
  });
}
