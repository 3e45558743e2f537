import { once } from "node:events";
import {
  type Agent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions as NodeOptions,
  type OutgoingHttpHeaders,
} from "node:http";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { allowed } from "@combined-registry/deadline";

/** A whole answer. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** What else a request carries. */
export interface RequestOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer | string;
  /** Keeps connections. @default a connection of its own */
  readonly agent?: Agent;
}

const patience = allowed(30_000);

/** Sends a request with its target exactly as given: `fetch` would tidy the path up and follow redirects. */
export function request(
  origin: string,
  method: string,
  target: string,
  { headers = {}, body, agent }: RequestOptions = {},
): Promise<Reply> {
  const { hostname, port } = new URL(origin);
  // What has no body says so: without a length Node would send an empty one in chunks.
  const length =
    body === undefined && ["GET", "HEAD"].includes(method) ? {} : { "Content-Length": lengthOf(body) };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        hostname,
        port,
        method,
        path: target,
        headers: { ...headers, ...length },
        agent: agent ?? false,
        signal: AbortSignal.timeout(patience),
      },
      (response) => {
        buffer(response).then(
          (all) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: all }),
          reject,
        );
      },
    );
    sent.once("error", (cause) =>
      reject(new Error(`${method} ${origin}${target}: ${cause.message}`, { cause })),
    );
    sent.end(body);
  });
}

function lengthOf(body: Buffer | string = ""): number {
  return Buffer.byteLength(body);
}

/** Sends a request whose body may be a stream. @returns the answer, its body not read yet */
export async function exchange(
  origin: string,
  target: string,
  options: NodeOptions,
  body: Readable = Readable.from([]),
): Promise<IncomingMessage> {
  const { hostname, port } = new URL(origin);
  const sent = httpRequest({ hostname, port, path: target, agent: false, ...options });
  const answered: Promise<IncomingMessage[]> = once(sent, "response");
  const [[response]] = await Promise.all([answered, pipeline(body, sent)]);
  if (response === undefined) {
    throw new Error(`${target}: no answer`);
  }
  return response;
}
