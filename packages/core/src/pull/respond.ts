import type { Decision, Exchange } from "../http/exchange.ts";
import { relay, relayBuffered, type Safeguards } from "../http/relay.ts";
import { errorCodes, ownWords, withFurtherError } from "../protocol/error-body.ts";
import { type ErrorCode, RegistryError } from "../protocol/errors.ts";
import { firstValue, type RawHeaders, warning } from "../protocol/headers.ts";
import { isContent, sha256 } from "../protocol/names.ts";
import type { Resource } from "../protocol/request.ts";
import {
  type Attempt,
  combine,
  describeAttempt,
  type FailureReport,
  failureCode,
  isRefusal,
} from "../routing/classify.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { FailoverResult, NamedErrorResponse } from "./failover.ts";

const unknown: Partial<Record<Resource["kind"], ErrorCode>> = {
  manifest: "MANIFEST_UNKNOWN",
  blob: "BLOB_UNKNOWN",
};

/** @throws RegistryError unless hosted's own 404 is relayed */
export function respondNotFound(
  exchange: Exchange,
  kind: Resource["kind"],
  { attempts, refusal }: Extract<FailoverResult, { ended: "exhausted" }>,
  excusesProxies = false,
): Decision {
  const conclusion = combine(excusesProxies, attempts);
  const reason = attempts.map(describeAttempt).join(", ");
  if (conclusion.kind === "failed") {
    throw errorFromAttempts(attempts, reason);
  }
  const warnings = conclusion.failures.map((attempt) => warning(describeAttempt(attempt)));
  const refusals = attempts.flatMap((attempt) => (isRefusalAttempt(attempt) ? [attempt] : []));
  if (refusals.length > 0 && !excusesProxies) {
    throw new RegistryError("DENIED", {
      message: refusals.map(({ member, words }) => `${member.name}: ${words}`).join("; "),
      detail: { upstreams: attempts.map(describe) },
      reason,
    });
  }
  if (refusal === undefined) {
    // If no upstream could be asked, the code is the reason.
    const told = toldBy(attempts);
    throw new RegistryError(unknown[kind] ?? "NAME_UNKNOWN", {
      headers: { Warning: warnings },
      ...(told.length > 0 && { message: told.join("; ") }),
      ...(reason !== "" && { reason }),
    });
  }
  return relayBuffered(
    exchange,
    reason,
    withToldBy(refusal, attempts, unknown[kind] ?? "NAME_UNKNOWN"),
    warnings.flatMap((text) => ["Warning", text]),
  );
}

function isRefusalAttempt(attempt: Attempt): attempt is Extract<Attempt, { outcome: "not_found" }> {
  return attempt.outcome === "not_found" && isRefusal(attempt);
}

/** What upstreams say about content that they do not have: that it exists, but not as a type that the client accepts. */
function toldBy(attempts: readonly Attempt[]): string[] {
  return attempts.flatMap((attempt) => {
    const words = attempt.outcome === "not_found" ? (attempt.words ?? wordsOf(attempt.body)) : undefined;
    return words === undefined ? [] : [`${attempt.member.name}: ${words}`];
  });
}

function wordsOf(body: Buffer | undefined): string | undefined {
  return body && ownWords(body.toString());
}

/** Hosted's own error, with the reasons of proxies that have the content in some way. */
function withToldBy<T extends NamedErrorResponse>(
  refusal: T,
  attempts: readonly Attempt[],
  code: ErrorCode,
): T {
  const told = toldBy(attempts.filter(({ member }) => member !== refusal.upstream));
  const isError = errorCodes(refusal.body.toString()).length > 0;
  return told.length === 0 || !isError
    ? refusal
    : { ...refusal, body: Buffer.from(withFurtherError(refusal.body.toString(), code, told.join("; "))) };
}

/**
 * The error after a failure: it names every upstream and its outcome.
 * @param reason of the decision. @default the error code
 */
export function errorFromAttempts(attempts: readonly Attempt[], reason?: string): RegistryError {
  const { code, retryAfter } = failureCode(attempts);
  return new RegistryError(code, {
    message: attempts.map(describeAttempt).join(", "),
    detail: { upstreams: attempts.map(describe) },
    headers: retryAfter === undefined ? {} : { "Retry-After": retryAfter },
    ...(reason !== undefined && { reason }),
  });
}

export function errorFrom(member: Upstream, failure: FailureReport): RegistryError {
  return errorFromAttempts([{ member, outcome: "failed", failure }]);
}

function describe(attempt: Attempt): object {
  const { member, outcome } = attempt;
  return outcome === "not_found"
    ? {
        upstream: member.name,
        outcome,
        status: attempt.status,
        ...(attempt.words !== undefined && { words: attempt.words }),
      }
    : {
        upstream: member.name,
        outcome,
        cause: attempt.failure.cause,
        ...(attempt.failure.status !== undefined && { status: attempt.failure.status }),
      };
}

export function respondWith(
  exchange: Exchange,
  { upstream, said, attempts }: Extract<FailoverResult, { ended: "answered" }>,
  how: string,
  safeguards?: Safeguards,
  resource?: Resource,
): Promise<Decision> | Decision {
  const before = attempts.map(describeAttempt).join(", ");
  const last = said.answer.status >= 400 ? `answered ${said.answer.status}` : how;
  const reason = before === "" ? last : `${last}; ${before}`;
  const { answer, body } = said;
  return body === undefined
    ? relay(exchange, reason, { upstream, answer }, safeguards)
    : relayBuffered(exchange, reason, { upstream, answer, body }, missingDigest(resource, answer, body));
}

/** `Docker-Content-Digest` of a manifest whose upstream left it out, though answers must have it (distribution-spec, "Pulling manifests"). */
function missingDigest(
  resource: Resource | undefined,
  { status, headers }: Pick<UpstreamResponse, "status" | "headers">,
  body: Buffer,
): RawHeaders {
  if (
    resource?.kind !== "manifest" ||
    status !== 200 ||
    body.length === 0 ||
    firstValue(headers, "docker-content-digest") !== undefined
  ) {
    return [];
  }
  const digest = resource.byDigest ? resource.reference : sha256(body);
  return resource.byDigest && !isContent(digest, body) ? [] : ["Docker-Content-Digest", digest];
}
