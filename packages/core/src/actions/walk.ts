import type { Attempt } from "../routing/attempt.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/ask.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Consultation } from "./consult.ts";

/** How asking upstreams in turn ended. */
export type Walk =
  | {
      readonly ended: "answered";
      readonly upstream: Upstream;
      readonly said: Extract<Consultation, { outcome: "found" | "final" }>;
      /** What those before it said. */
      readonly attempts: readonly Attempt[];
    }
  | {
      readonly ended: "exhausted";
      readonly attempts: readonly Attempt[];
      /** Hosted's own way of saying that it has not got it, to be repeated word for word. */
      readonly refusal: Refusal | undefined;
    };

/** An answer that says no, read to its end. */
export interface Refusal {
  readonly answer: Answer;
  readonly body: Buffer;
}

/** The upstreams to ask, and how. */
export interface Route {
  readonly order: readonly Upstream[];
  ask(upstream: Upstream): Promise<Consultation>;
  /** Whether nobody may be asked after this one failed. */
  stopsAfterFailureOf(upstream: Upstream): boolean;
}

/** Asks each upstream in turn until one gives an answer. */
export async function walk({ metrics }: Services, route: Route): Promise<Walk> {
  const attempts: Attempt[] = [];
  let refusal: Refusal | undefined;
  let previous: Upstream | undefined;
  for (const upstream of route.order) {
    if (previous !== undefined) {
      metrics.fallbacks.inc({ from: previous.name, to: upstream.name });
    }
    previous = upstream;
    const said = await route.ask(upstream);
    if (said.outcome === "found" || said.outcome === "final") {
      return { ended: "answered", upstream, said, attempts };
    }
    attempts.push(attemptOf(upstream, said));
    if (said.outcome === "absent" && upstream.kind === "hosted" && said.answer.status <= 404) {
      refusal = said;
    }
    if (said.outcome === "failed" && route.stopsAfterFailureOf(upstream)) {
      break;
    }
  }
  return { ended: "exhausted", attempts, refusal };
}

function attemptOf(member: Upstream, said: Extract<Consultation, { outcome: "absent" | "failed" }>): Attempt {
  return said.outcome === "absent"
    ? { member, outcome: "absent", status: said.answer.status }
    : { member, outcome: "failed", failure: said.failure };
}
