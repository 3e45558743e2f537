import { firstValue } from "../protocol/headers.ts";
import { classify, type FailureReport } from "../routing/classify.ts";
import { errorBodyLimit, readUpTo } from "./transport/read-body.ts";
import type { UpstreamResponse } from "./transport/send.ts";
import type { Upstream } from "./upstream.ts";

interface Said {
  readonly answer: UpstreamResponse;
  readonly body: Buffer;
}

export type QueryOutcome =
  /** Without `body`, that is still to come. */
  | { readonly outcome: "found"; readonly answer: UpstreamResponse; readonly body?: Buffer | undefined }
  /** Hosted's own word about the request. */
  | { readonly outcome: "final"; readonly answer: UpstreamResponse; readonly body: Buffer }
  | { readonly outcome: "not_found"; readonly answer: UpstreamResponse; readonly body: Buffer }
  /** `said` is what the upstream answered, if it did. */
  | { readonly outcome: "failed"; readonly failure: FailureReport; readonly said?: Said };

/** A query that the upstream itself could not answer. */
export type FailedQuery = Extract<QueryOutcome, { outcome: "failed" }>;

export function broken(cause: string): FailedQuery {
  return { outcome: "failed", failure: { kind: "broken", cause } };
}

/** Sorts a response that is not what was asked for, and reads its body, within bounds. Never rejects. */
export async function outcomeOf(upstream: Upstream, answer: UpstreamResponse): Promise<QueryOutcome> {
  const body = (await readUpTo(answer.body, errorBodyLimit, upstream.timeouts.idle)) ?? Buffer.alloc(0);
  const outcome = classify(upstream, answer.status, body.toString());
  return outcome === "failed"
    ? { outcome, failure: reportOf(upstream, answer), said: { answer, body } }
    : { outcome: outcome === "found" ? "final" : outcome, answer, body };
}

export function reportOf(
  upstream: Upstream,
  { status, headers }: Pick<UpstreamResponse, "status" | "headers">,
): FailureReport {
  const retryAfter = firstValue(headers, "retry-after");
  return {
    status,
    ...describeStatus(upstream, status),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

function describeStatus(upstream: Upstream, status: number): Pick<FailureReport, "kind" | "cause"> {
  if (status === 429) {
    return { kind: "rate-limited", cause: "rate limited" };
  }
  if (upstream.kind === "hosted" && (status === 401 || status === 403)) {
    const given = upstream.hasCredentials
      ? "refused the router's credentials"
      : "asks for credentials, and the router has none for it";
    return { kind: "refused", cause: `${given} (${status})` };
  }
  return { kind: "broken", cause: `answered ${status}` };
}
