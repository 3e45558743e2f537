import { ownWords, saysDenied } from "../protocol/error-body.ts";
import { firstValue, quotable } from "../protocol/headers.ts";
import {
  classify,
  type ErrorAnswer,
  type FailureReport,
  isPage,
  isRateLimited,
} from "../routing/classify.ts";
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
  const body =
    answer.read ?? (await readUpTo(answer.body, errorBodyLimit, upstream.timeouts.idle)) ?? Buffer.alloc(0);
  return classified(upstream, answer, body);
}

export function classified(upstream: Upstream, answer: UpstreamResponse, read: Buffer): QueryOutcome {
  const body = upstream.withoutSecrets(read);
  const { status, headers, sentToken } = answer;
  const error = { status, headers, body: body.toString(), sentToken };
  const outcome = classify(upstream, error);
  return outcome === "failed"
    ? { outcome, failure: reportOf(upstream, answer, error.body), said: { answer, body } }
    : { outcome: outcome === "found" ? "final" : outcome, answer, body };
}

/** A successful response that cannot be what was asked for. Its body is not read. */
export function objected({ status, body }: UpstreamResponse, cause: string): FailedQuery {
  body.destroy();
  return { outcome: "failed", failure: { kind: "broken", cause, status } };
}

export function reportOf(
  upstream: Upstream,
  { status, headers }: Pick<UpstreamResponse, "status" | "headers">,
  body = "",
): FailureReport {
  const retryAfter = firstValue(headers, "retry-after");
  const { kind, cause } = describeError(upstream, { status, headers, body });
  const words = ownWords(body);
  return {
    status,
    kind,
    cause: words === undefined ? cause : `${cause}: ${quotable(words)}`,
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

function describeError(upstream: Upstream, answer: ErrorAnswer): Pick<FailureReport, "kind" | "cause"> {
  const { status, headers, body } = answer;
  if (isRateLimited(answer)) {
    return { kind: "rate-limited", cause: "rate limited" };
  }
  const isRefused = status === 401 || status === 403 || (upstream.kind === "hosted" && saysDenied(body));
  if (isRefused && (upstream.kind === "hosted" || upstream.hasCredentials)) {
    const given = upstream.hasCredentials
      ? "refused the router's credentials"
      : "asks for credentials, and the router has none for it";
    return { kind: "refused", cause: `${given} (${status})` };
  }
  return {
    kind: "broken",
    cause: `answered ${status}${isPage(headers) && status < 500 ? " with a web page" : ""}`,
  };
}
