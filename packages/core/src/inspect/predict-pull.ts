import { failover } from "../pull/failover.ts";
import type { ManifestOutcome } from "../pull/manifest.ts";
import { errorFromAttempts } from "../pull/respond.ts";
import { type Attempt, combine, describeAttempt } from "../routing/classify.ts";
import { endsAfterFailureOf, type LookupPlan } from "../routing/plan.ts";
import type { Member } from "../routing/ruling.ts";
import type { ExplainedPull, UpstreamAnswer } from "./explanation.ts";

export interface RecordedOutcome {
  readonly outcome: ManifestOutcome;
  readonly breaker: UpstreamAnswer["breaker"];
}

const circuitOpen: ManifestOutcome = {
  outcome: "failed",
  failure: { kind: "circuit-open", cause: "circuit open" },
};

/**
 * Simulates a GET: runs the failover of a pull on recorded answers. An upstream with an open circuit is skipped, as in a pull. Once
 * no other upstream has the image, a recorded success stands for the probe that closes the circuit.
 */
export async function predictPull<M extends Member>(
  plan: LookupPlan<M>,
  records: ReadonlyMap<M, RecordedOutcome>,
): Promise<ExplainedPull> {
  const { order, hinted: remembered, excusesProxies } = plan;
  const isSkipped = (upstream: M) => records.get(upstream)?.breaker !== "closed";
  const recorded = (upstream: M) => records.get(upstream)?.outcome ?? circuitOpen;
  const end = await failover<M>({
    order,
    send: async (upstream, bypassBreaker) =>
      isSkipped(upstream) && !bypassBreaker ? circuitOpen : recorded(upstream),
    revive: async (upstream) => (recorded(upstream).outcome === "found" ? "maybe" : undefined),
    stopsAfterFailureOf: (upstream) => endsAfterFailureOf(upstream, plan),
  });
  if (end.ended === "exhausted") {
    return {
      status:
        combine(excusesProxies, end.attempts).kind === "not_found"
          ? 404
          : errorFromAttempts(end.attempts).status,
      because: becauseOf(end.attempts, order),
    };
  }
  const { upstream, said, attempts } = end;
  const isFirst = upstream.kind === "hosted" ? "hosted is asked first" : "it is asked first";
  const because = isSkipped(upstream)
    ? "its circuit is open; it is asked as the last resort, as no other upstream has it"
    : upstream === remembered
      ? "it served this repository last"
      : describeAttempts(attempts) || isFirst;
  return { from: upstream.name, status: said.answer.status, because };
}

function becauseOf(attempts: readonly Attempt[], order: readonly Member[]): string {
  if (order.length === 0) {
    return "no upstream may be asked";
  }
  const notAsked = order.slice(attempts.length).map(({ name }) => name);
  return notAsked.length === 0
    ? describeAttempts(attempts)
    : `${describeAttempts(attempts)}, which ends the lookup before ${notAsked.join(", ")}`;
}

function describeAttempts(attempts: readonly Attempt[]): string {
  return attempts.map(describeAttempt).join(", ");
}
