import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { buffer } from "node:stream/consumers";

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
}

const patience = 30_000;

/** Sends a request with its target exactly as given: `fetch` would tidy the path up and follow redirects. */
export function request(
  origin: string,
  method: string,
  target: string,
  { headers = {}, body }: RequestOptions = {},
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
        agent: false,
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
