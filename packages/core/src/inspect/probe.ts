import { ClientAborted, errorCode, UpstreamFailure } from "../errors.ts";
import type { RawHeaders } from "../protocol/headers.ts";
import type { FailureReport } from "../routing/classify.ts";
import type { UpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { withTimeout } from "../upstream/with-timeout.ts";

interface ProbeRequest {
  readonly target: ProbeTarget;
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

export interface ProbeTarget extends Pick<UpstreamRequest, "path" | "search" | "scope"> {
  /** A probe writes nothing. For the one DELETE see `inspection.ts`. */
  readonly method: "GET" | "HEAD" | "DELETE";
}

export type Probe = ProbeResponse | ProbeFailure;

export interface ProbeResponse {
  readonly failure?: undefined;
  /** Its body has been read or destroyed. */
  readonly response: UpstreamResponse;
  readonly status: number;
  readonly headers: RawHeaders;
  /** Undefined if it was longer than `bodyLimit`, or incomplete. */
  readonly body: Buffer | undefined;
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
    const response = await upstream.inspect({
      ...request.target,
      accept,
      anonymous,
      repository: undefined,
      decided: performance.now(),
      signal,
    });
    // The signal ends a request until its headers are there, but not the body after them.
    signal.addEventListener("abort", () => response.body.destroy(), { once: true });
    const body = await readUpTo(response.body, bodyLimit, limit);
    return { response, status: response.status, headers: response.headers, body };
  };
  const sent = await withTimeout(limit, send, request.signal);
  if (request.signal?.aborted) {
    throw new ClientAborted();
  }
  const { failure, latency } = sent;
  if (failure === undefined) {
    return { ...sent.value, latency };
  }
  const cause = sent.error instanceof UpstreamFailure ? sent.error.cause : undefined;
  return { failure, code: errorCode(cause), latency };
}

export function statusOf(probe: Probe | undefined): number | undefined {
  return probe === undefined || probe.failure !== undefined ? undefined : probe.status;
}

export function textOf(probe: Probe | undefined): string {
  return probe === undefined || probe.failure !== undefined ? "" : (probe.body?.toString() ?? "");
}
