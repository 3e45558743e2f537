import type { Member } from "./member.ts";

/** How asking one upstream went, where it did not end the lookup. */
export type Attempt =
  | {
      readonly member: Member;
      readonly outcome: "absent";
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
 * - `late`: no connection or no headers in time;
 * - `limited`: 429;
 * - `refused`: the router's own credentials were refused, or may not be sent where they are wanted;
 * - `broken`: any other answer that is none;
 * - `skipped`: not asked, as it has failed again and again;
 * - `busy`: not asked, as too many others wait for it.
 */
export type FailureKind = "unreachable" | "late" | "limited" | "refused" | "broken" | "skipped" | "busy";

/** Whether an upstream has failed without being asked. */
export function isUnasked({ kind }: FailureReport): boolean {
  return kind === "skipped" || kind === "busy";
}

/** `proxy absent`, `proxy absent (remembered)`, `dockerhub failed (connection refused)`. */
export function describeAttempt(attempt: Attempt): string {
  return attempt.outcome === "absent"
    ? `${attempt.member.name} absent${attempt.remembered === true ? " (remembered)" : ""}`
    : `${attempt.member.name} failed (${attempt.failure.cause})`;
}
