import { ClientAborted, errorCode } from "../errors.ts";
import type { RawHeaders } from "../protocol/headers.ts";
import type { FailureReport } from "../routing/outcome.ts";
import type { UpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { withTimeout } from "../upstream/with-timeout.ts";

/** A request of the router itself, for no client. */
export interface ProbeRequest {
  readonly asked: Pick<UpstreamRequest, "path" | "search" | "scope"> & { readonly method: ProbeMethod };
  /** `Accept` values. */
  readonly accept?: readonly string[];
  /** Milliseconds for everything, the body included. */
  readonly limit: number;
  /** Bytes of a body that are read. @default errorBodyLimit */
  readonly bodyLimit?: number;
  /** Whether to send no credentials. @default false */
  readonly anonymous?: boolean;
  /** Aborted when the client no longer waits for the answer. */
  readonly signal?: AbortSignal | undefined;
}

/** A probe writes nothing. For the one DELETE see `inspection.ts`. */
type ProbeMethod = "GET" | "HEAD" | "DELETE";

export type Probe = ProbeAnswer | ProbeFailure;

/** An answer of any status. */
export interface ProbeAnswer {
  readonly failure?: undefined;
  /** The answer itself. Its body has been read or destroyed. */
  readonly response: UpstreamResponse;
  readonly status: number;
  readonly headers: RawHeaders;
  /** Undefined if it was longer than `bodyLimit`, or broke off. */
  readonly body: Buffer | undefined;
  /** Milliseconds to the end of the body. */
  readonly latency: number;
}

export interface ProbeFailure {
  readonly failure: FailureReport;
  /** Node's error code, such as `ECONNREFUSED`, or empty. */
  readonly code: string;
  readonly latency: number;
}

/**
 * Asks one upstream once, within bounds of time and memory, past its circuit breaker and without consequences for it.
 * @throws ClientAborted if `request.signal` is aborted; nothing else
 */
export async function probe(upstream: Upstream, request: ProbeRequest): Promise<Probe> {
  const { accept = [], limit, bodyLimit = errorBodyLimit, anonymous = false } = request;
  const send = async (signal: AbortSignal) => {
    const { method, path, search, scope } = request.asked;
    const target = { method, path, search, scope, repository: undefined, decided: performance.now() };
    const response = await upstream.inspect({ ...target, accept, anonymous, signal });
    // The signal ends a request until its headers are there. After that, only this ends a body that is still to come.
    signal.addEventListener("abort", () => response.body.destroy(), { once: true });
    const body = await readUpTo(response.body, bodyLimit, limit);
    return { response, status: response.status, headers: response.headers, body };
  };
  const sent = await withTimeout(limit, send, request.signal);
  if (request.signal?.aborted) {
    throw new ClientAborted();
  }
  const { failure, latency } = sent;
  return failure === undefined
    ? { ...sent.value, latency }
    : { failure, code: errorCode(causeOf(sent.error)), latency };
}

/** The text of an answer's body, empty where there is none. */
export function textOf({ body }: Pick<ProbeAnswer, "body">): string {
  return body?.toString() ?? "";
}

function causeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "cause" in error ? error.cause : undefined;
}
