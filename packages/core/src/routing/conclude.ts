import type { ErrorCode } from "../protocol/errors.ts";
import type { Attempt, FailureKind, FailureReport } from "./outcome.ts";

/** What is said when nobody has it. */
export type Conclusion =
  /** 404; `failures` are to be mentioned in a `Warning`. */
  | { readonly kind: "not_found"; readonly failures: readonly Attempt[] }
  /** Somebody could not tell. */
  | { readonly kind: "failed" };

/**
 * A failure is never reported as not found, with one exception: HEAD, where hosted says that it has not got
 * the content and only a proxy could not tell. Pushing clients give up on any status but 200 and 404, and an
 * outage of a public registry must not stop a push.
 */
export function conclude(method: string, attempts: readonly Attempt[]): Conclusion {
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
