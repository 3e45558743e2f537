import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { allowed, until as waitUntil } from "@combined-registry/deadline";

/** An answer, as far as it came. */
export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** False when the connection broke before the end. */
  readonly complete: boolean;
}

/** What to ask. */
export interface Ask {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

const patience = allowed(5_000);

/** Sends one request on a connection of its own. Rejects if no answer begins in time. */
export function send(
  origin: string,
  method: string,
  target: string,
  { headers, body }: Ask = {},
): Promise<Received> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const request = httpRequest({ hostname, port, method, path: target, headers, agent: false });
    const timer = setTimeout(
      () => request.destroy(new Error(`${method} ${target}: no answer within ${patience} ms`)),
      patience,
    );
    request.on("error", reject);
    request.on("response", (response) => {
      clearTimeout(timer);
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", () => undefined);
      response.on("close", () => {
        const { statusCode: status = 0, headers: answered, complete } = response;
        resolve({ status, headers: answered, body: Buffer.concat(pieces), complete });
      });
    });
    request.on("close", () => clearTimeout(timer));
    request.end(body);
  });
}

/** The codes of an error answer. */
export function codesOf({ body }: Received): string[] {
  return JSON.parse(body.toString()).errors.map(({ code }: { code: string }) => code);
}

/** Waits until a condition holds; looks every few milliseconds. */
export function until(label: string, holds: () => boolean): Promise<void> {
  return waitUntil(label, 5_000, holds);
}
