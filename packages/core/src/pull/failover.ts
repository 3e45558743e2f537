import type { Attempt } from "../routing/outcome.ts";
import type { Services } from "../services.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ManifestOutcome } from "./manifest.ts";

/** How asking upstreams in turn ended. */
export type FailoverResult =
  | {
      readonly ended: "answered";
      readonly upstream: Upstream;
      readonly said: Extract<QueryOutcome, { outcome: "found" | "final" }>;
      /** What those before it said. */
      readonly attempts: readonly Attempt[];
    }
  | {
      readonly ended: "exhausted";
      readonly attempts: readonly Attempt[];
      /** Hosted's own way of saying that it has not got it, to be repeated word for word. */
      readonly refusal: ErrorResponse | undefined;
    };

/** An answer that says no, read to its end. */
export interface ErrorResponse {
  readonly answer: UpstreamResponse;
  readonly body: Buffer;
}

/** The upstreams to ask, and how. */
export interface FailoverPlan {
  readonly order: readonly Upstream[];
  /** @param bypassBreaker whether it is asked although it is left out */
  ask(upstream: Upstream, bypassBreaker: boolean): Promise<ManifestOutcome>;
  /** Whether those that were left out are worth a wait when nobody else has it. */
  readonly retriesSkipped: boolean;
  /** Whether nobody may be asked after this one failed. */
  stopsAfterFailureOf(upstream: Upstream): boolean;
}

/** Asks each upstream in turn until one gives an answer; at the end, once more those that were left out. */
export async function failover({ metrics }: Services, route: FailoverPlan): Promise<FailoverResult> {
  const attempts: Attempt[] = [];
  let refusal: ErrorResponse | undefined;
  let previous: Upstream | undefined;
  for (const upstream of route.order) {
    if (previous !== undefined) {
      metrics.fallbacks.inc({ from: previous.name, to: upstream.name });
    }
    previous = upstream;
    const said = await route.ask(upstream, false);
    if (isAnswer(said)) {
      return { ended: "answered", upstream, said, attempts };
    }
    attempts.push(attemptOf(upstream, said));
    if (said.outcome === "not_found" && upstream.kind === "hosted" && said.answer.status <= 404) {
      refusal = said;
    }
    if (said.outcome === "failed" && route.stopsAfterFailureOf(upstream)) {
      break;
    }
  }
  return (
    (route.retriesSkipped ? await retrySkipped(route, attempts) : undefined) ?? {
      ended: "exhausted",
      attempts,
      refusal,
    }
  );
}

/** Nobody has it, but some could not be asked: those that have come back since are, and those that may have some things. */
async function retrySkipped(route: FailoverPlan, attempts: Attempt[]): Promise<FailoverResult | undefined> {
  for (const [index, attempt] of attempts.entries()) {
    const upstream = route.order[index];
    if (upstream === undefined || attempt.outcome !== "failed" || attempt.failure.kind !== "circuit-open") {
      continue;
    }
    const hope = await upstream.bypassBreaker();
    const said = hope && (await route.ask(upstream, hope === "maybe"));
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
  member: Upstream,
  said: Extract<ManifestOutcome, { outcome: "not_found" | "known absent" | "failed" }>,
): Attempt {
  switch (said.outcome) {
    case "not_found":
      return { member, outcome: "not_found", status: said.answer.status };
    case "known absent":
      return { member, outcome: "not_found", status: 404, remembered: true };
    case "failed":
      return { member, outcome: "failed", failure: said.failure };
  }
}
