import { type ErrorCode, RegistryError } from "../protocol/errors.ts";
import { warning } from "../protocol/headers.ts";
import type { Resource } from "../protocol/request.ts";
import { type Attempt, describeAttempt, type FailureReport } from "../routing/attempt.ts";
import { conclude, failureCode } from "../routing/conclude.ts";
import type { Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Exchange } from "./exchange.ts";
import { repeat } from "./relay.ts";
import type { Walk } from "./walk.ts";

const unknown: Partial<Record<Resource["kind"], ErrorCode>> = {
  manifest: "MANIFEST_UNKNOWN",
  blob: "BLOB_UNKNOWN",
};

/**
 * Answers a request that no upstream could.
 * @throws RegistryError unless hosted's own 404 is repeated
 */
export function nobodyHasIt(
  services: Services,
  exchange: Exchange,
  kind: Resource["kind"],
  { attempts, refusal }: Extract<Walk, { ended: "exhausted" }>,
): void {
  const conclusion = conclude(exchange.request.method ?? "", attempts);
  exchange.decision = { upstream: "router", reason: attempts.map(describeAttempt).join(", ") };
  if (conclusion.kind === "failed") {
    throw failureError(attempts);
  }
  const warnings = conclusion.failures.map((attempt) => warning(describeAttempt(attempt)));
  if (refusal === undefined) {
    throw new RegistryError(unknown[kind] ?? "NAME_UNKNOWN", { headers: { Warning: warnings } });
  }
  const { hosted } = services.policy;
  exchange.decision = { upstream: hosted.name, reason: exchange.decision.reason };
  repeat(
    exchange,
    hosted,
    refusal,
    warnings.flatMap((text) => ["Warning", text]),
  );
}

/** The error for when somebody could not tell: it names every upstream and what each one said. */
export function failureError(attempts: readonly Attempt[]): RegistryError {
  const { code, retryAfter } = failureCode(attempts);
  return new RegistryError(code, {
    message: attempts.map(describeAttempt).join(", "),
    detail: { upstreams: attempts.map(describe) },
    headers: retryAfter === undefined ? {} : { "Retry-After": retryAfter },
  });
}

/** The error for when the one upstream that counts could not tell. */
export function failureOf(member: Upstream, failure: FailureReport): RegistryError {
  return failureError([{ member, outcome: "failed", failure }]);
}

function describe(attempt: Attempt): object {
  const { member, outcome } = attempt;
  return outcome === "not_found"
    ? { upstream: member.name, outcome, status: attempt.status }
    : {
        upstream: member.name,
        outcome,
        cause: attempt.failure.cause,
        ...(attempt.failure.status !== undefined && { status: attempt.failure.status }),
      };
}
