import { ClientGone, CopyFailure, upstreamFailure } from "../errors.ts";
import { firstValue, rateLimitRemaining } from "../protocol/headers.ts";
import { type RegistryRequest, type Resource, renamedPath } from "../protocol/request.ts";
import { scopeOf } from "../protocol/token-scope.ts";
import { classify, type FailureReport, isFound, isUnasked } from "../routing/outcome.ts";
import type { Services } from "../services.ts";
import type { Errand, OwnErrand, Sender } from "../upstream/request.ts";
import { errorBodyLimit, readBounded } from "../upstream/transport/read-body.ts";
import type { Answer } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** What one upstream said to a request without a body. */
export type Consultation =
  /** Without `body`, that is still to come. */
  | { readonly outcome: "found"; readonly answer: Answer; readonly body?: Buffer }
  /** Hosted's own word about the request. */
  | { readonly outcome: "final"; readonly answer: Answer; readonly body: Buffer }
  | { readonly outcome: "not_found"; readonly answer: Answer; readonly body: Buffer }
  | { readonly outcome: "failed"; readonly failure: FailureReport };

const lists: ReadonlySet<Resource["kind"]> = new Set(["catalog", "tags", "referrers"]);

/** The errand that a request amounts to at an upstream, which may call the repository something else. */
export function errandOf(request: RegistryRequest, upstream: Upstream): Errand {
  const { method, path, search, resource } = request;
  const repository = "repository" in resource ? resource.repository : undefined;
  const nameOf = (name: string) => upstream.nameOf(name);
  return {
    method,
    path: repository === undefined ? path : renamedPath(path, repository, nameOf(repository)),
    search,
    scope: scopeOf(request, nameOf),
    repository,
    list: lists.has(resource.kind),
    opaque: resource.kind === "uploads" || resource.kind === "upload-session",
  };
}

/**
 * Asks one upstream on behalf of a client and sorts its answer; what is no answer to the question has been read, within bounds.
 * @throws ClientGone
 */
export function consult(
  services: Services,
  from: Sender,
  upstream: Upstream,
  errand: Errand,
): Promise<Consultation> {
  return consultBy(services, upstream, () => upstream.ask(errand, from));
}

/**
 * The same for the router's own ends.
 * @throws ClientGone; CopyFailure
 */
export function consultAlone(
  services: Services,
  upstream: Upstream,
  own: OwnErrand,
  signal: AbortSignal,
): Promise<Consultation> {
  return consultBy(services, upstream, () => upstream.askAlone(own, signal));
}

async function consultBy(
  services: Services,
  upstream: Upstream,
  ask: () => Promise<Answer>,
): Promise<Consultation> {
  const done = services.metrics.upstreamDuration.startTimer({ upstream: upstream.name });
  const consultation = await consultQuietly(services, upstream, ask);
  if (consultation.outcome === "failed" && isUnasked(consultation.failure)) {
    return consultation;
  }
  done();
  const outcome = consultation.outcome === "final" ? "found" : consultation.outcome;
  services.metrics.upstreamRequests.inc({ upstream: upstream.name, outcome });
  services.activity?.asked(upstream.name, outcome);
  const reached = consultation.outcome !== "failed" || consultation.failure.status !== undefined;
  services.metrics.upstreams.asked(upstream, reached);
  return consultation;
}

async function consultQuietly(
  { metrics }: Services,
  upstream: Upstream,
  ask: () => Promise<Answer>,
): Promise<Consultation> {
  let answer: Answer;
  try {
    answer = await ask();
  } catch (error) {
    if (error instanceof ClientGone || error instanceof CopyFailure) {
      throw error;
    }
    return { outcome: "failed", failure: upstreamFailure(error).report };
  }
  const remaining = rateLimitRemaining(answer.headers);
  if (remaining !== undefined) {
    metrics.upstreams.granted(upstream, remaining);
  }
  if (isFound(answer.status)) {
    const { read } = answer;
    return read === undefined ? { outcome: "found", answer } : { outcome: "found", answer, body: read };
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
    return { kind: "rate-limited", cause: "rate limited" };
  }
  if (upstream.kind === "hosted" && (status === 401 || status === 403)) {
    const given = upstream.hasCredentials
      ? "refused the router's credentials"
      : "asks for credentials, and the router has none for it";
    return { kind: "refused", cause: `${given} (${status})` };
  }
  return { kind: "broken", cause: `answered ${status}` };
}
