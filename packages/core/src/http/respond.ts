import { RegistryError } from "../protocol/errors.ts";
import { boundWarnings, firstValue, quotable, type RawHeaders } from "../protocol/headers.ts";
import type { Exchange } from "./exchange.ts";
import { discardUpload, isUploading } from "./request-body.ts";

/** An answer whose body is at hand. */
export interface ShortAnswer {
  readonly status: number;
  /** Without `Content-Length`. */
  readonly headers: RawHeaders;
  readonly body: string | Buffer;
}

/** Writes an answer whose body is at hand; to HEAD, all but the body. */
export function send(exchange: Exchange, { status, headers, body }: ShortAnswer): void {
  const { request, response, transferred: moved } = exchange;
  writeHead(exchange, status, [...headers, "Content-Length", String(Buffer.byteLength(body))]);
  if (request.method === "HEAD") {
    end(exchange);
    return;
  }
  moved.down += Buffer.byteLength(body);
  if (isUploading(request)) {
    response.write(body);
    void discardUpload(request).then(() => end(exchange));
  } else {
    end(exchange, body);
  }
}

/** Ends the response, and notes that it was the router who did. */
export function end({ response, answer }: Exchange, body?: string | Buffer): void {
  answer.ended = true;
  response.end(body);
}

/** Writes an answer as JSON. */
export function sendJson(exchange: Exchange, status: number, value: unknown, headers: RawHeaders = []): void {
  send(exchange, {
    status,
    headers: ["Content-Type", "application/json", ...headers],
    body: JSON.stringify(value),
  });
}

/** The one place that renders errors (distribution-spec 1.1, "Error codes"). */
export function sendError(exchange: Exchange, error: RegistryError): void {
  send(exchange, {
    status: error.status,
    headers: ["Content-Type", "application/json", ...linesOf(error.headers)],
    body: error.body(),
  });
}

function linesOf(headers: RegistryError["headers"]): string[] {
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => [name, value]),
  );
}

/**
 * Writes an answer's head, with what the router adds to every one.
 * @throws RegistryError UPSTREAM_FAILED if a header cannot be written, UNKNOWN if it is not an upstream's
 */
export function writeHead(exchange: Exchange, status: number, headers: RawHeaders): void {
  const { response, decision } = exchange;
  const complete = [...boundWarnings(headers)];
  if (firstValue(headers, "docker-distribution-api-version") === undefined) {
    // Clients know a registry by it (distribution's specification, "API Version Check").
    complete.push("Docker-Distribution-Api-Version", "registry/2.0");
  }
  if (exchange.namespace !== undefined && firstValue(headers, "oci-namespace") === undefined) {
    complete.push("OCI-Namespace", exchange.namespace);
  }
  if (exchange.showsDecision) {
    complete.push("X-Combined-Registry", quotable(`${decision.upstream}; ${decision.reason}`));
  }
  if (exchange.isClosing()) {
    complete.push("Connection", "close");
  }
  try {
    response.writeHead(status, complete);
    exchange.answer.begun = true;
  } catch (cause) {
    throw new RegistryError(decision.upstream === "router" ? "UNKNOWN" : "UPSTREAM_FAILED", {
      message: "a header of the answer is not one that HTTP allows",
      cause,
    });
  }
}
