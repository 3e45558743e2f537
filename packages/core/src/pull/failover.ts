import { type Attempt, refusalWords } from "../routing/classify.ts";
import type { Member } from "../routing/ruling.ts";
import type { QueryOutcome } from "../upstream/query-outcome.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ManifestOutcome } from "./manifest.ts";

export type FailoverResult<M extends Member = Upstream> =
  | {
      readonly ended: "answered";
      readonly upstream: M;
      readonly said: Extract<QueryOutcome, { outcome: "found" | "final" }>;
      readonly attempts: readonly Attempt[];
    }
  | {
      readonly ended: "exhausted";
      readonly attempts: readonly Attempt[];
      /** Hosted's own "not found", to be relayed unchanged. */
      readonly refusal: NamedErrorResponse<M> | undefined;
    };

export interface ErrorResponse {
  readonly answer: UpstreamResponse;
  readonly body: Buffer;
}

export interface NamedErrorResponse<M extends Member = Upstream> extends ErrorResponse {
  readonly upstream: M;
}

/** The upstreams to ask, and how. `explain` runs this with recorded answers. */
interface FailoverPlan<M extends Member> {
  readonly order: readonly M[];
  /** @param bypassBreaker whether it is asked although its circuit is open */
  send(upstream: M, bypassBreaker: boolean): Promise<ManifestOutcome>;
  /**
   * Whether a skipped upstream can be asked after all, once no other has it: `back` if its circuit has closed, `maybe` if it is
   * to be asked past its open circuit, undefined if neither. A plan without `revive` does not retry.
   */
  readonly revive?: ((upstream: M) => Promise<"back" | "maybe" | undefined>) | undefined;
  /** Whether no further upstream may be asked after this one failed. */
  stopsAfterFailureOf(upstream: M): boolean;
  /** Called before an upstream is asked because the one before it had no answer. */
  onFallback?(from: M, to: M): void;
}

/** Asks each upstream in turn until one gives an answer; at the end, asks again those that an open circuit skipped. */
export async function failover<M extends Member>(plan: FailoverPlan<M>): Promise<FailoverResult<M>> {
  const attempts: Attempt[] = [];
  let refusal: NamedErrorResponse<M> | undefined;
  let previous: M | undefined;
  for (const upstream of plan.order) {
    if (previous !== undefined) {
      plan.onFallback?.(previous, upstream);
    }
    previous = upstream;
    const said = await plan.send(upstream, false);
    if (isAnswer(said)) {
      return { ended: "answered", upstream, said, attempts };
    }
    attempts.push(attemptOf(upstream, said));
    if (said.outcome === "not_found" && upstream.kind === "hosted" && said.answer.status <= 404) {
      refusal = { upstream, answer: said.answer, body: said.body };
    }
    if (said.outcome === "failed" && plan.stopsAfterFailureOf(upstream)) {
      break;
    }
  }
  return (await retrySkipped(plan, attempts)) ?? { ended: "exhausted", attempts, refusal };
}

/** An upstream may be back since it was skipped, and one whose circuit was opened by timeouts may still have some content. */
async function retrySkipped<M extends Member>(
  plan: FailoverPlan<M>,
  attempts: Attempt[],
): Promise<FailoverResult<M> | undefined> {
  for (const [index, attempt] of attempts.entries()) {
    const upstream = plan.order[index];
    if (upstream === undefined || attempt.outcome !== "failed" || attempt.failure.kind !== "circuit-open") {
      continue;
    }
    const state = await plan.revive?.(upstream);
    const said = state && (await plan.send(upstream, state === "maybe"));
    if (said !== undefined && isAnswer(said)) {
      return { ended: "answered", upstream, said, attempts: attempts.toSpliced(index, 1) };
    }
    if (said !== undefined && said.outcome !== "failed") {
      attempts[index] = attemptOf(upstream, said);
    }
  }
  return undefined;
}

function isAnswer(said: ManifestOutcome): said is Extract<QueryOutcome, { outcome: "found" | "final" }> {
  return said.outcome === "found" || said.outcome === "final";
}

function attemptOf(
  member: Member,
  said: Extract<ManifestOutcome, { outcome: "not_found" | "known absent" | "failed" }>,
): Attempt {
  switch (said.outcome) {
    case "not_found": {
      const { answer, body } = said;
      const words = answer.status === 404 ? undefined : refusalWords(answer.status, body.toString());
      return words === undefined
        ? { member, outcome: "not_found", status: answer.status, body }
        : { member, outcome: "not_found", status: answer.status, words };
    }
    case "known absent":
      return { member, outcome: "not_found", status: 404, cached: true };
    case "failed":
      return { member, outcome: "failed", failure: said.failure };
  }
}
