import { firstValue } from "../protocol/headers.ts";
import { rateLimitRemaining } from "../protocol/rate-limit.ts";
import { type RegistryRequest, renamedPath } from "../protocol/request.ts";
import { type FailureReport, isUnasked } from "../routing/attempt.ts";
import { classify, isFound } from "../routing/classify.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/ask.ts";
import { errorBodyLimit, readBounded } from "../upstream/bounded-body.ts";
import type { Errand } from "../upstream/errand.ts";
import { ClientGone, upstreamFailure } from "../upstream/failure.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Exchange } from "./exchange.ts";
import { scopeOf } from "./scope.ts";

/** What one upstream said to a request without a body. */
export type Consultation =
  /** The body is still to come. */
  | { readonly outcome: "found"; readonly answer: Answer }
  /** Hosted's own word about the request. */
  | { readonly outcome: "final"; readonly answer: Answer; readonly body: Buffer }
  | { readonly outcome: "absent"; readonly answer: Answer; readonly body: Buffer }
  | { readonly outcome: "failed"; readonly failure: FailureReport };

/** The errand that a request amounts to at an upstream, which may call the repository something else. */
export function errandOf(request: RegistryRequest, upstream: Upstream): Errand {
  const { method, path, search, resource } = request;
  const opaque = resource.kind === "uploads" || resource.kind === "upload-session";
  const nameOf = (repository: string) => upstream.nameOf(repository);
  const renamed =
    "repository" in resource ? renamedPath(path, resource.repository, nameOf(resource.repository)) : path;
  return { method, path: renamed, search, scope: scopeOf(request, nameOf), opaque };
}

/**
 * Asks one upstream and sorts its answer; what is no answer to the question has been read, within bounds.
 * @throws ClientGone
 */
export async function consult(
  services: Services,
  exchange: Exchange,
  upstream: Upstream,
  errand: Errand,
): Promise<Consultation> {
  const done = services.metrics.upstreamDuration.startTimer({ upstream: upstream.name });
  const consultation = await consultQuietly(services, exchange, upstream, errand);
  if (consultation.outcome === "failed" && isUnasked(consultation.failure)) {
    return consultation;
  }
  done();
  const outcome = consultation.outcome === "final" ? "found" : consultation.outcome;
  services.metrics.upstreamRequests.inc({ upstream: upstream.name, outcome });
  const reached = consultation.outcome !== "failed" || consultation.failure.status !== undefined;
  services.metrics.upstreamUp.set({ upstream: upstream.name }, reached ? 1 : 0);
  return consultation;
}

async function consultQuietly(
  { metrics }: Services,
  exchange: Exchange,
  upstream: Upstream,
  errand: Errand,
): Promise<Consultation> {
  let answer: Answer;
  try {
    answer = await upstream.ask(errand, exchange);
  } catch (error) {
    if (error instanceof ClientGone) {
      throw error;
    }
    return { outcome: "failed", failure: upstreamFailure(error).report };
  }
  const remaining = rateLimitRemaining(answer.headers);
  if (remaining !== undefined) {
    metrics.rateLimitRemaining.set({ upstream: upstream.name }, remaining);
  }
  if (isFound(answer.status)) {
    return { outcome: "found", answer };
  }
  const body = (await readBounded(answer.body, errorBodyLimit, upstream.timeouts.idle)) ?? Buffer.alloc(0);
  const outcome = classify(upstream, answer.status, body.toString());
  return outcome === "failed"
    ? { outcome, failure: reportOf(upstream, answer) }
    : { outcome: outcome === "found" ? "final" : outcome, answer, body };
}

/** The failure that an answer amounts to. */
export function reportOf(
  upstream: Upstream,
  { status, headers }: Pick<Answer, "status" | "headers">,
): FailureReport {
  const retryAfter = firstValue(headers, "retry-after");
  return {
    status,
    ...describeStatus(upstream, status),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

function describeStatus(upstream: Upstream, status: number): Pick<FailureReport, "kind" | "cause"> {
  if (status === 429) {
    return { kind: "limited", cause: "answered 429, too many requests" };
  }
  if (upstream.kind === "hosted" && (status === 401 || status === 403)) {
    const given = upstream.hasCredentials
      ? "refused the router's credentials"
      : "asks for credentials, and the router has none for it";
    return { kind: "refused", cause: `${given} (${status})` };
  }
  return { kind: "broken", cause: `answered ${status}` };
}
