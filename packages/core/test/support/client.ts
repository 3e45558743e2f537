import {
  type Agent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from "node:http";
import { within } from "./within.ts";

/** An answer, read to its end or as far as it came. */
export interface Received {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  /** Names and values in turn, line by line. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** False when the connection broke before the end. */
  readonly complete: boolean;
}

/** What to ask. */
export interface Ask {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** Keeps connections for the next request. @default none: a connection of its own */
  readonly agent?: Agent;
}

/** Sends one request, with the target exactly as given, and reads the whole answer. */
export function fetchRaw(origin: string, target: string, ask: Ask = {}): Promise<Received> {
  const { method = "GET", agent = false } = ask;
  const { hostname, port } = new URL(origin);
  const received = new Promise<Received>((resolve, reject) => {
    const request = httpRequest({ hostname, port, path: target, method, headers: ask.headers, agent });
    request.on("error", reject);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => undefined);
      response.on("close", () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          body: Buffer.concat(chunks),
          complete: response.complete,
        });
      });
    });
    request.end(ask.body);
  });
  return within(20_000, `${method} ${target}`, received);
}

/** The first error of an OCI error answer. */
export function errorOf({ body }: Received): { code: string; message: string; detail: unknown } {
  return JSON.parse(body.toString()).errors[0];
}
