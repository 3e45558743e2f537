import { errorTable } from "../protocol/errors.ts";
import {
  type Attempt,
  combine,
  describeAttempt,
  type FailureReport,
  failureCode,
} from "../routing/outcome.ts";
import type { LookupPlan } from "../routing/plan.ts";
import type { Member } from "../routing/ruling.ts";

/** What an upstream would say to a GET. */
export type SimulatedOutcome =
  | { readonly outcome: "found" | "final"; readonly status: number }
  | { readonly outcome: "not_found"; readonly status: number }
  | { readonly outcome: "failed"; readonly failure: FailureReport; readonly status?: undefined };

/** How a lookup would end. */
export interface Simulated<M extends Member> {
  /** Who answers; undefined if nobody has it. */
  readonly by: M | undefined;
  /** Of the client's answer. */
  readonly status: number;
  readonly because: string;
}

/**
 * How a GET would end, by the same rules as one that does: the first in the order that has it; those that are left out after
 * failures once nobody else has.
 * @param word of a member of the plan's order
 * @param isOut whether requests leave it out now
 */
export function simulateFailover<M extends Member>(
  { order, stopsAtFailure, remembered }: LookupPlan<M>,
  word: (member: M) => SimulatedOutcome,
  isOut: (member: M) => boolean,
): Simulated<M> {
  const attempts: Attempt[] = [];
  for (const member of order) {
    const said: SimulatedOutcome = isOut(member) ? { outcome: "failed", failure: leftOut } : word(member);
    const attempt = attemptAt(member, said);
    if (attempt === undefined) {
      const because = member === remembered ? "it served this repository last" : reason(attempts, member);
      return { by: member, status: said.status ?? 200, because };
    }
    attempts.push(attempt);
    if (said.outcome === "failed" && stopsAtFailure) {
      break;
    }
  }
  return atLast(order.slice(0, attempts.length), attempts, word, isOut);
}

function attemptAt(member: Member, said: SimulatedOutcome): Attempt | undefined {
  switch (said.outcome) {
    case "not_found":
      return { member, outcome: "not_found", status: said.status };
    case "failed":
      return { member, outcome: "failed", failure: said.failure };
    default:
      return undefined;
  }
}

const leftOut: FailureReport = { kind: "circuit-open", cause: "circuit open" };

function atLast<M extends Member>(
  asked: readonly M[],
  attempts: readonly Attempt[],
  word: (member: M) => SimulatedOutcome,
  isOut: (member: M) => boolean,
): Simulated<M> {
  for (const member of asked) {
    const said = word(member);
    if (isOut(member) && said.outcome === "found") {
      return {
        by: member,
        status: said.status,
        because: "its circuit is open; it is asked as the last resort, as no other upstream has it",
      };
    }
  }
  const because = attempts.length === 0 ? "nobody may be asked" : attempts.map(describeAttempt).join(", ");
  const status =
    combine("GET", attempts).kind === "not_found" ? 404 : errorTable[failureCode(attempts).code].status;
  return { by: undefined, status, because };
}

function reason(attempts: readonly Attempt[], { kind }: Member): string {
  if (attempts.length > 0) {
    return attempts.map(describeAttempt).join(", ");
  }
  return kind === "hosted" ? "hosted is asked first" : "it is asked first";
}
