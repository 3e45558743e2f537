import type { Member } from "./member.ts";

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
