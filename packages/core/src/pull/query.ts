import { ClientAborted, CopyFailure, upstreamFailure } from "../errors.ts";
import { firstValue, rateLimitRemaining } from "../protocol/headers.ts";
import { type RegistryRequest, type Resource, renamedPath } from "../protocol/request.ts";
import { scopeOf } from "../protocol/token-scope.ts";
import { classify, type FailureReport, isFound, isUnasked } from "../routing/outcome.ts";
import type { InternalRequest, Origin, UpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** What one upstream said to a request without a body. */
export type QueryOutcome =
  /** Without `body`, that is still to come. */
  | { readonly outcome: "found"; readonly answer: UpstreamResponse; readonly body?: Buffer }
  /** Hosted's own word about the request. */
  | { readonly outcome: "final"; readonly answer: UpstreamResponse; readonly body: Buffer }
  | { readonly outcome: "not_found"; readonly answer: UpstreamResponse; readonly body: Buffer }
  | { readonly outcome: "failed"; readonly failure: FailureReport };

const lists: ReadonlySet<Resource["kind"]> = new Set(["catalog", "tags", "referrers"]);

/** The errand that a request amounts to at an upstream, which may call the repository something else. */
export function toUpstreamRequest(request: RegistryRequest, upstream: Upstream): UpstreamRequest {
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
export function query(from: Origin, upstream: Upstream, asked: UpstreamRequest): Promise<QueryOutcome> {
  return queryWith(upstream, () => upstream.ask(asked, from));
}

/**
 * The same for the router's own ends.
 * @throws ClientGone; CopyFailure
 */
export function queryInternal(
  upstream: Upstream,
  own: InternalRequest,
  signal: AbortSignal,
): Promise<QueryOutcome> {
  return queryWith(upstream, () => upstream.sendInternal(own, signal));
}

async function queryWith(upstream: Upstream, ask: () => Promise<UpstreamResponse>): Promise<QueryOutcome> {
  const { metrics, activity } = upstream.observer;
  const done = metrics.upstreamDuration.startTimer({ upstream: upstream.name });
  const consultation = await queryUnmetered(upstream, ask);
  if (consultation.outcome === "failed" && isUnasked(consultation.failure)) {
    return consultation;
  }
  done();
  const outcome = consultation.outcome === "final" ? "found" : consultation.outcome;
  metrics.upstreamRequests.inc({ upstream: upstream.name, outcome });
  activity?.asked(upstream.name, outcome);
  const reached = consultation.outcome !== "failed" || consultation.failure.status !== undefined;
  metrics.upstreams.asked(upstream, reached);
  return consultation;
}

async function queryUnmetered(
  upstream: Upstream,
  ask: () => Promise<UpstreamResponse>,
): Promise<QueryOutcome> {
  let answer: UpstreamResponse;
  try {
    answer = await ask();
  } catch (error) {
    if (error instanceof ClientAborted || error instanceof CopyFailure) {
      throw error;
    }
    return { outcome: "failed", failure: upstreamFailure(error).report };
  }
  const remaining = rateLimitRemaining(answer.headers);
  if (remaining !== undefined) {
    upstream.observer.metrics.upstreams.granted(upstream, remaining);
  }
  if (isFound(answer.status)) {
    const { read } = answer;
    return read === undefined ? { outcome: "found", answer } : { outcome: "found", answer, body: read };
  }
  const body = (await readUpTo(answer.body, errorBodyLimit, upstream.timeouts.idle)) ?? Buffer.alloc(0);
  const outcome = classify(upstream, answer.status, body.toString());
  return outcome === "failed"
    ? { outcome, failure: reportOf(upstream, answer) }
    : { outcome: outcome === "found" ? "final" : outcome, answer, body };
}

/** The failure that an answer amounts to. */
export function reportOf(
  upstream: Upstream,
  { status, headers }: Pick<UpstreamResponse, "status" | "headers">,
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
