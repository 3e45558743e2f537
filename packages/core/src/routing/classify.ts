import { saysUnknown } from "../protocol/error-body.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { Member } from "./ruling.ts";

export type Attempt =
  | {
      readonly member: Member;
      readonly outcome: "not_found";
      readonly status: number;
      readonly cached?: boolean;
    }
  | { readonly member: Member; readonly outcome: "failed"; readonly failure: FailureReport };

export interface FailureReport {
  readonly kind: FailureKind;
  /** One phrase for people, without addresses or credentials: `connection refused`. */
  readonly cause: string;
  readonly status?: number;
  /** The upstream's `Retry-After` as sent, or seconds. */
  readonly retryAfter?: string;
}

/** `found` is any response that goes to the client. */
export type QueryResult = "found" | "not_found" | "failed";

/**
 * - `unreachable`: no connection;
 * - `timeout`: no connection or no headers in time;
 * - `rate-limited`: 429;
 * - `refused`: the upstream wants other credentials than the router has or may send;
 * - `broken`: any other unusable response;
 * - `circuit-open`, `queue-full`: the request was not sent.
 */
export type FailureKind =
  | "unreachable"
  | "timeout"
  | "rate-limited"
  | "refused"
  | "broken"
  | "circuit-open"
  | "queue-full";

export function isUnasked({ kind }: FailureReport): boolean {
  return kind === "circuit-open" || kind === "queue-full";
}

/** `proxy not found`, `proxy not found (cached)`, `dockerhub failed (connection refused)`. */
export function describeAttempt(attempt: Attempt): string {
  return attempt.outcome === "not_found"
    ? `${attempt.member.name} not found${attempt.cached === true ? " (cached)" : ""}`
    : `${attempt.member.name} failed (${attempt.failure.cause})`;
}

/** `found` and `final`, which is hosted's verdict on the request itself, go to the client. The others continue the lookup. */
type AnswerClass = "found" | "not_found" | "failed" | "final";

const redirects = [301, 302, 303, 307, 308];

// For an unknown name Docker Hub answers 401, others 403 or 400, or 405 if they have no such route. The content cannot be
// had there after 406, 410 and 451 either.
const notFoundAtProxy = [400, 401, 403, 404, 405, 406, 410, 451];

/** Whether the status alone shows that the content is there. */
export function isFound(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304 || status === 416 || redirects.includes(status);
}

/** @param body of an error; empty for HEAD */
export function classify(member: Member, status: number, body: string): AnswerClass {
  if (isFound(status)) {
    return "found";
  }
  if (status >= 500) {
    return saysUnknown(body) ? "not_found" : "failed";
  }
  if (status === 408 || status === 429) {
    return "failed";
  }
  if (member.kind === "proxy") {
    return notFoundAtProxy.includes(status) ? "not_found" : "failed";
  }
  if (status === 404) {
    return "not_found";
  }
  if (status === 401 || status === 403) {
    // Without passthrough, hosted refused the router: the client could do nothing about it.
    return member.passthrough ? "final" : "failed";
  }
  return status >= 400 ? "final" : "failed";
}

type CombinedResult =
  /** 404, with a `Warning` about `failures`. */
  { readonly kind: "not_found"; readonly failures: readonly Attempt[] } | { readonly kind: "failed" };

/**
 * A failure is never reported as not found, with one exception: hosted does not have the content, only proxies failed, and the plan
 * excuses them because the client may be about to push.
 */
export function combine(excusesProxies: boolean, attempts: readonly Attempt[]): CombinedResult {
  const failures = attempts.filter(({ outcome }) => outcome === "failed");
  const hosted = attempts.find(({ member }) => member.kind === "hosted");
  const excused = excusesProxies && hosted?.outcome === "not_found";
  return failures.length === 0 || excused ? { kind: "not_found", failures } : { kind: "failed" };
}

/** One code for all failures. It tells the client to wait only if waiting can help with every one of them. */
export function failureCode(attempts: readonly Attempt[]): {
  readonly code: ErrorCode;
  readonly retryAfter: string | undefined;
} {
  const failures = attempts.flatMap((attempt) => (attempt.outcome === "failed" ? [attempt.failure] : []));
  const all = (...kinds: readonly FailureKind[]) => failures.every(({ kind }) => kinds.includes(kind));
  if (all("rate-limited")) {
    return { code: "TOOMANYREQUESTS", retryAfter: longestWait(failures) };
  }
  if (all("rate-limited", "circuit-open", "queue-full")) {
    return { code: "UNAVAILABLE", retryAfter: longestWait(failures) };
  }
  const code = all("rate-limited", "circuit-open", "queue-full", "timeout")
    ? "UPSTREAM_TIMEOUT"
    : "UPSTREAM_FAILED";
  return { code, retryAfter: undefined };
}

function longestWait(failures: readonly FailureReport[]): string | undefined {
  const waits = failures.flatMap(({ retryAfter }) => (retryAfter === undefined ? [] : [retryAfter]));
  const seconds = waits.map(Number).filter(Number.isFinite);
  // A date (RFC 9110 10.2.3) cannot be compared without a clock.
  return seconds.length > 0 ? String(Math.max(...seconds)) : waits[0];
}
