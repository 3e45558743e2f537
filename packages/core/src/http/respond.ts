import { RegistryError } from "../protocol/errors.ts";
import { boundWarnings, firstValue, quotable, type RawHeaders } from "../protocol/headers.ts";
import type { Decision, Exchange } from "./exchange.ts";
import { discardUpload, isUploading } from "./request-body.ts";

/** An answer whose body is at hand. */
export interface ShortAnswer {
  readonly status: number;
  /** Without `Content-Length`. */
  readonly headers: RawHeaders;
  readonly body: string | Buffer;
}

/** Writes an answer whose body is at hand; to HEAD, all but the body. */
export function send(
  exchange: Exchange,
  decision: Decision,
  { status, headers, body }: ShortAnswer,
): Decision {
  const { request, response, transferred: moved } = exchange;
  writeHead(exchange, decision, status, [...headers, "Content-Length", String(Buffer.byteLength(body))]);
  if (request.method === "HEAD") {
    return end(exchange);
  }
  moved.down += Buffer.byteLength(body);
  if (isUploading(request)) {
    response.write(body);
    void discardUpload(request).then(() => end(exchange));
    return decision;
  }
  return end(exchange, body);
}

/**
 * Ends the response, and notes that it was the router who did.
 * @returns the decision that the response was begun with
 */
export function end({ response, answer, decision }: Exchange, body?: string | Buffer): Decision {
  answer.ended = true;
  response.end(body);
  return decision;
}

/** An answer that is written as JSON. */
export interface JsonAnswer {
  readonly status: number;
  readonly value: unknown;
  /** Without `Content-Type`. */
  readonly headers?: RawHeaders;
}

/** Writes an answer as JSON. */
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
 * The one place that renders errors (distribution-spec 1.1, "Error codes"). If an upstream was to answer and its head could not be
 * written, the decision stays that upstream's.
 */
export function sendError(exchange: Exchange, error: RegistryError): Decision {
  const { decision } = exchange;
  const decided = decision.reason === "" ? routerDecision(error.reason) : decision;
  return send(exchange, decided, {
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

/** The decision where the router itself answers. */
export function routerDecision(reason: string): Decision {
  return { upstream: "router", reason };
}

/**
 * Keeps who answers and why for the account, which may come at any moment: a client that leaves ends its exchange at once. The
 * one place that does.
 */
export function note(exchange: Exchange, decision: Decision): Decision {
  exchange.decision = decision;
  return decision;
}

/**
 * Writes an answer's head, with what the router adds to every one.
 * @throws RegistryError UPSTREAM_FAILED if a header cannot be written, UNKNOWN if it is not an upstream's
 */
export function writeHead(exchange: Exchange, decision: Decision, status: number, headers: RawHeaders): void {
  const { response } = exchange;
  note(exchange, decision);
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
