import { RegistryError } from "../protocol/errors.ts";
import { boundWarnings, firstValue, quotable, type RawHeaders } from "../protocol/headers.ts";
import type { Decision, Exchange } from "./exchange.ts";
import { discardUpload, isUploading } from "./request-body.ts";

interface ShortAnswer {
  readonly status: number;
  /** Without `Content-Length`. */
  readonly headers: RawHeaders;
  readonly body: string | Buffer;
}

/** Sends a response with its whole body; to HEAD, all but the body. */
export function send(
  exchange: Exchange,
  decision: Decision,
  { status, headers, body }: ShortAnswer,
): Decision {
  const { request, response, transferred } = exchange;
  writeHead(exchange, decision, status, [...headers, "Content-Length", String(Buffer.byteLength(body))]);
  if (request.method === "HEAD") {
    return end(exchange);
  }
  transferred.down += Buffer.byteLength(body);
  if (isUploading(request)) {
    response.write(body);
    void discardUpload(request).then(() => end(exchange));
    return decision;
  }
  return end(exchange, body);
}

export function end({ response, answer, decision }: Exchange, body?: string | Buffer): Decision {
  answer.ended = true;
  response.end(body);
  return decision;
}

export interface JsonAnswer {
  readonly status: number;
  readonly value: unknown;
  /** Without `Content-Type`. */
  readonly headers?: RawHeaders;
}

export function sendJson(
  exchange: Exchange,
  decision: Decision,
  { status, value, headers = [] }: JsonAnswer,
): Decision {
  return send(exchange, decision, {
    status,
    headers: ["Content-Type", "application/json", ...headers],
    body: JSON.stringify(value),
  });
}

/**
 * The one place that renders errors (distribution-spec 1.1, "Error codes"). If an upstream's response head could not be written,
 * the decision remains that upstream's.
 */
export function sendError(exchange: Exchange, error: RegistryError): Decision {
  const { decision } = exchange;
  const decided = decision.reason === "" ? routerDecision(error.reason) : decision;
  const extra = Object.entries(error.headers).flatMap(([name, values]) =>
    [values].flat().flatMap((value) => [name, value]),
  );
  return send(exchange, decided, {
    status: error.status,
    headers: ["Content-Type", "application/json", ...extra],
    body: error.body(),
  });
}

export function routerDecision(reason: string): Decision {
  return { upstream: "router", reason };
}

const inBrowsers: RawHeaders = [
  "X-Content-Type-Options",
  "nosniff",
  "Content-Security-Policy",
  "default-src 'none'; frame-ancestors 'none'; sandbox",
];

/**
 * Writes the head of a response, with the headers that the router adds to each.
 * @throws RegistryError UPSTREAM_FAILED if a header cannot be written, UNKNOWN if it is not an upstream's
 */
export function writeHead(exchange: Exchange, decision: Decision, status: number, headers: RawHeaders): void {
  const { response } = exchange;
  // Before the head is written: a client that leaves now ends its exchange with this decision.
  exchange.decision = decision;
  const complete = [...boundWarnings(headers)];
  if (firstValue(headers, "docker-distribution-api-version") === undefined) {
    // Clients recognize a registry by this header (distribution's specification, "API Version Check").
    complete.push("Docker-Distribution-Api-Version", "registry/2.0");
  }
  if (exchange.namespace !== undefined && firstValue(headers, "oci-namespace") === undefined) {
    complete.push("OCI-Namespace", exchange.namespace);
  }
  if (firstValue(headers, "content-security-policy") === undefined) {
    // Nothing here is for a browser to run.
    complete.push(...inBrowsers);
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
