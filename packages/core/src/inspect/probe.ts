import { ClientAborted, errorCode } from "../errors.ts";
import type { RawHeaders } from "../protocol/headers.ts";
import type { FailureReport } from "../routing/outcome.ts";
import type { UpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { withTimeout } from "../upstream/with-timeout.ts";

/** A question to one upstream that nobody but the router has. */
export interface ProbeQuestion {
  readonly asked: Pick<UpstreamRequest, "path" | "search" | "scope"> & { readonly method: Probing };
  /** `Accept` values. */
  readonly accept?: readonly string[];
  /** Milliseconds for everything, the body included. */
  readonly limit: number;
  /** Bytes of a body that are read. @default errorBodyLimit */
  readonly bodyLimit?: number;
  /** Whether to ask without credentials. */
  readonly asStranger?: boolean;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
}

/** Nothing is written by what is only looked at. For the one DELETE see `survey.ts`. */
type Probing = "GET" | "HEAD" | "DELETE";

/** What came of it. */
export type Probe = ProbeAnswer | ProbeFailure;

/** An answer, whatever it says. */
export interface ProbeAnswer {
  readonly failure?: undefined;
  readonly status: number;
  readonly headers: RawHeaders;
  /** Undefined if it was longer than wanted, or broke off. */
  readonly body: Buffer | undefined;
  /** Milliseconds to the end of the body. */
  readonly latency: number;
}

/** No answer. */
export interface ProbeFailure {
  readonly failure: FailureReport;
  /** Node's code of what went wrong, or empty: `ECONNREFUSED`. */
  readonly code: string;
  readonly latency: number;
}

/**
 * Asks one upstream one thing, within bounds of time and memory.
 * @throws ClientGone if nobody waits for the answer any more; nothing else
 */
export async function probe(upstream: Upstream, question: ProbeQuestion): Promise<Probe> {
  const { asked, accept = [], limit, bodyLimit = errorBodyLimit, asStranger = false } = question;
  const ask = async (signal: AbortSignal) => {
    // The breaker, which wants to know, is passed by.
    const { method, path, search, scope } = asked;
    const target = { method, path, search, scope, repository: undefined, decided: performance.now() };
    const answer = await upstream.inspect({ ...target, accept, anonymous: asStranger, signal });
    // Its request is over with its head, so that nobody else breaks off the rest. One that is complete is not touched by it.
    signal.addEventListener("abort", () => answer.body.destroy(), { once: true });
    const body = await readUpTo(answer.body, bodyLimit, limit);
    return { status: answer.status, headers: answer.headers, body };
  };
  const timed = await withTimeout(limit, ask, question.signal);
  if (question.signal?.aborted) {
    throw new ClientAborted();
  }
  const { failure, latency } = timed;
  return failure === undefined
    ? { ...timed.value, latency }
    : { failure, code: errorCode(causeOf(timed.error)), latency };
}

/** The text of an answer's body, empty where there is none. */
export function textOf({ body }: Pick<ProbeAnswer, "body">): string {
  return body?.toString() ?? "";
}

function causeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "cause" in error ? error.cause : undefined;
}
