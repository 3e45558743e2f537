import { saysUnknown } from "../protocol/error-body.ts";
import type { ErrorCode } from "../protocol/errors.ts";
import type { Member } from "./ruling.ts";

/** How asking one upstream went, where it did not end the lookup. */
export type Attempt =
  | {
      readonly member: Member;
      readonly outcome: "not_found";
      readonly status: number;
      readonly remembered?: boolean;
    }
  | { readonly member: Member; readonly outcome: "failed"; readonly failure: FailureReport };

/** Why an upstream could not tell. */
export interface FailureReport {
  readonly kind: FailureKind;
  /** One phrase for people, without addresses or credentials: `connection refused`. */
  readonly cause: string;
  /** What it answered, if it answered. */
  readonly status?: number;
  /** When asking again may help: its own `Retry-After` as sent, or seconds. */
  readonly retryAfter?: string;
}

/** How a request to an upstream went: `found` is any response that goes to the client. */
export type QueryResult = "found" | "not_found" | "failed";

/**
 * - `unreachable`: no connection;
 * - `timeout`: no connection or no headers in time;
 * - `rate-limited`: 429;
 * - `refused`: the router's own credentials were refused, or may not be sent where they are wanted;
 * - `broken`: any other answer that is none;
 * - `circuit-open`: not asked, as its circuit is open;
 * - `queue-full`: not asked, as its queue is full.
 */
export type FailureKind =
  | "unreachable"
  | "timeout"
  | "rate-limited"
  | "refused"
  | "broken"
  | "circuit-open"
  | "queue-full";

/** Whether an upstream has failed without being asked. */
export function isUnasked({ kind }: FailureReport): boolean {
  return kind === "circuit-open" || kind === "queue-full";
}

/** `proxy not found`, `proxy not found (cached)`, `dockerhub failed (connection refused)`. */
export function describeAttempt(attempt: Attempt): string {
  return attempt.outcome === "not_found"
    ? `${attempt.member.name} not found${attempt.remembered === true ? " (cached)" : ""}`
    : `${attempt.member.name} failed (${attempt.failure.cause})`;
}

/**
 * What one upstream's answer to a lookup means.
 * - `found`: it goes to the client and the lookup ends;
 * - `not_found`: not there;
 * - `failed`: cannot be told;
 * - `final`: hosted's own word about the request itself, which goes to the client as it is.
 */
export type AnswerClass = "found" | "not_found" | "failed" | "final";

const redirects = [301, 302, 303, 307, 308];

// Docker Hub answers 401 for a name that it does not know, others 403 or 400, and 405 where they have no such route.
// 406, 410 and 451 say as well that it is not to be had there.
const absentAtProxy = [400, 401, 403, 404, 405, 406, 410, 451];

/** Whether a status alone says that the content is there, so that the body need not be looked at. */
export function isFound(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304 || status === 416 || redirects.includes(status);
}

/**
 * Sorts an answer to a lookup.
 * @param body the error's text, empty where there is none (HEAD)
 */
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
  return member.kind === "proxy" ? classifyAtProxy(status) : classifyAtHosted(member, status);
}

function classifyAtProxy(status: number): AnswerClass {
  return absentAtProxy.includes(status) ? "not_found" : "failed";
}

function classifyAtHosted(member: Member, status: number): AnswerClass {
  if (status === 404) {
    return "not_found";
  }
  if (status === 401 || status === 403) {
    // Without passthrough it is the router that was refused: the client could do nothing about it.
    return member.passthrough ? "final" : "failed";
  }
  return status >= 400 ? "final" : "failed";
}

/** What is said when nobody has it. */
export type CombinedResult =
  /** 404; `failures` are to be mentioned in a `Warning`. */
  | { readonly kind: "not_found"; readonly failures: readonly Attempt[] }
  /** Somebody could not tell. */
  | { readonly kind: "failed" };

/**
 * A failure is never reported as not found, with one exception: HEAD, where hosted says that it has not got
 * the content and only a proxy could not tell. Pushing clients give up on any status but 200 and 404, and an
 * outage of a public registry must not stop a push.
 */
export function combine(method: string, attempts: readonly Attempt[]): CombinedResult {
  const failures = attempts.filter(({ outcome }) => outcome === "failed");
  const hosted = attempts.find(({ member }) => member.kind === "hosted");
  const excused = method === "HEAD" && hosted?.outcome === "not_found";
  return failures.length === 0 || excused ? { kind: "not_found", failures } : { kind: "failed" };
}

/**
 * The one code for the failures among `attempts`: that of something a client can wait for only if nothing worse
 * happened as well.
 */
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
  // A date (RFC 9110 10.2.3) cannot be compared without a clock; it is passed on if it is all there is.
  return seconds.length > 0 ? String(Math.max(...seconds)) : waits[0];
}
