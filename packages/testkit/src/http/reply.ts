import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** An answer before it is written. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text, bytes, or a stream whose length is known. */
  readonly body?: string | Buffer | { readonly size: number; open(): Readable };
}

/** How the sending of a body goes wrong. */
export interface Break {
  readonly after: number;
  readonly how: "cut" | "stall";
}

/** JSON with its media type. */
export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { "Content-Type": "application/json", ...headers },
    body: `${JSON.stringify(value)}\n`,
  };
}

/** Writes an answer; to HEAD, all but the body. */
export async function sendReply(
  response: ServerResponse,
  reply: Reply,
  broken: Break | undefined,
): Promise<void> {
  const { status, headers = {}, body = "" } = reply;
  const size = typeof body === "string" ? Buffer.byteLength(body) : "open" in body ? body.size : body.length;
  const length = status === 204 || status === 304 ? {} : { "Content-Length": String(size) };
  response.writeHead(status, { "Docker-Distribution-Api-Version": "registry/2.0", ...length, ...headers });
  if (response.req.method === "HEAD") {
    response.end();
  } else if (broken !== undefined && broken.after < size) {
    await sendBroken(response, body, broken);
  } else if (typeof body === "string" || !("open" in body)) {
    response.end(body);
  } else {
    await pipeline(body.open(), response);
  }
}

async function sendBroken(
  response: ServerResponse,
  body: NonNullable<Reply["body"]>,
  { after, how }: Break,
): Promise<void> {
  const pieces = typeof body === "string" ? [Buffer.from(body)] : "open" in body ? body.open() : [body];
  let left = after;
  for await (const piece of pieces) {
    const part = piece.subarray(0, left);
    left -= part.length;
    // To be sure that what precedes the break arrives before it.
    await new Promise<void>((resolve) => response.write(part, () => resolve()));
    if (left === 0 || response.destroyed) {
      break;
    }
  }
  if (how === "cut") {
    response.socket?.end();
    response.destroy();
  }
}
