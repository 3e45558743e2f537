import { errorFromAttempts } from "../pull/answer.ts";
import { failover } from "../pull/failover.ts";
import type { ManifestOutcome } from "../pull/manifest.ts";
import { type Attempt, combine, describeAttempt } from "../routing/outcome.ts";
import type { LookupPlan } from "../routing/plan.ts";
import type { Member } from "../routing/ruling.ts";
import type { ExplainedPull, UpstreamAnswer } from "./explanation.ts";

/** What an upstream answered, and the state of its circuit then. */
export interface RecordedOutcome {
  readonly outcome: ManifestOutcome;
  readonly breaker: UpstreamAnswer["breaker"];
}

const skipped: ManifestOutcome = {
  outcome: "failed",
  failure: { kind: "circuit-open", cause: "circuit open" },
};

/**
 * What a GET gets: the failover of a pull, with answers out of the records. An open circuit skips an upstream as it does in a
 * pull. Once no other upstream has the image, a recorded success stands for the probe that closes the circuit.
 */
export async function predictPull<M extends Member>(
  { order, stopsAtFailure, remembered }: LookupPlan<M>,
  records: ReadonlyMap<M, RecordedOutcome>,
): Promise<ExplainedPull> {
  const isSkipped = (upstream: M) => records.get(upstream)?.breaker !== "closed";
  const recorded = (upstream: M) => records.get(upstream)?.outcome ?? skipped;
  const end = await failover<M>({
    order,
    send: async (upstream, bypassBreaker) =>
      isSkipped(upstream) && !bypassBreaker ? skipped : recorded(upstream),
    revive: async (upstream) => (recorded(upstream).outcome === "found" ? "maybe" : undefined),
    stopsAfterFailureOf: () => stopsAtFailure,
  });
  if (end.ended === "exhausted") {
    return explainNone(end.attempts);
  }
  const { upstream, said, attempts } = end;
  const because = isSkipped(upstream)
    ? "its circuit is open; it is asked as the last resort, as no other upstream has it"
    : upstream === remembered
      ? "it served this repository last"
      : reason(attempts, upstream);
  return { from: upstream.name, status: said.answer.status, because };
}

function explainNone(attempts: readonly Attempt[]): ExplainedPull {
  return {
    status: combine("GET", attempts).kind === "not_found" ? 404 : errorFromAttempts(attempts).status,
    because: attempts.length === 0 ? "no upstream may be asked" : attempts.map(describeAttempt).join(", "),
  };
}

function reason(attempts: readonly Attempt[], { kind }: Member): string {
  if (attempts.length > 0) {
    return attempts.map(describeAttempt).join(", ");
  }
  return kind === "hosted" ? "hosted is asked first" : "it is asked first";
}
