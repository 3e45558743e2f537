import type { HolderHints } from "../cache/holders.ts";
import type { Memory } from "../cache/memory.ts";
import type { PushedParts } from "../cache/pushed-parts.ts";
import type { TickBatch } from "../concurrency/batch.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import type { Metrics } from "../observe/metrics.ts";
import { firstValue } from "../protocol/headers.ts";
import { digestsIn } from "../protocol/manifest.ts";
import { isDigest } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { endsAfterFailureOf, type LookupPlan } from "../routing/plan.ts";
import type { QueryOutcome } from "../upstream/query-outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { cachedManifest, sendCached } from "./cached-manifest.ts";
import { type FailoverResult, failover } from "./failover.ts";
import { integrityCheckFor } from "./integrity.ts";
import type { ManifestFetcher, ManifestQuestion } from "./manifest.ts";
import { respondNotFound, respondWith } from "./respond.ts";
import { createResumer } from "./resume.ts";

interface LookupResult {
  readonly decision: Decision;
  /** Undefined if no upstream was asked, or none answered. */
  readonly pulled: Extract<FailoverResult, { ended: "answered" }> | undefined;
}

interface LookupContext {
  readonly memory: Memory<Upstream>;
  readonly manifests: ManifestFetcher;
  readonly tick: TickBatch;
  readonly metrics: Metrics;
}

/**
 * Asks each upstream in turn for the content itself, without a probe, and gives the client the first answer. Blobs stream. Concurrent
 * requests for a manifest share one upstream request.
 */
export async function lookup(
  { memory, manifests, tick, metrics }: LookupContext,
  exchange: Exchange,
  request: RegistryRequest,
  plan: LookupPlan<Upstream>,
): Promise<LookupResult> {
  const { resource, method } = request;
  const question = resource.kind === "manifest" ? manifests.question(exchange, request, resource) : undefined;
  const cached = question && cachedManifest(memory.manifests, exchange, question, plan.order);
  if (cached !== undefined) {
    return { decision: sendCached(metrics, exchange, cached), pulled: undefined };
  }
  const end = await failover<Upstream>({
    order: plan.order,
    send: (upstream, bypassBreaker) =>
      question === undefined || bypassBreaker || upstream.passthrough
        ? upstream.query({ ...toUpstreamRequest(request, upstream, exchange), bypassBreaker })
        : manifests.fetch(exchange, upstream, question),
    // No HEAD of a blob or digest waits for an open circuit: a pushing client sends one for each layer. The HEAD of a tag does: a
    // pulling client does not ask again.
    revive:
      method === "GET" || (resource.kind === "manifest" && !resource.byDigest)
        ? (upstream) => upstream.retryMode()
        : undefined,
    stopsAfterFailureOf: (upstream) => endsAfterFailureOf(upstream, plan),
    onFallback: (from, to) => metrics.fallbacks.inc({ from: from.name, to: to.name }),
  });
  if (method === "GET" && (resource.kind === "blob" || (resource.kind === "manifest" && resource.byDigest))) {
    countLocationHint(metrics, plan, end);
  }
  if (end.ended === "exhausted") {
    return {
      decision: respondNotFound(exchange, resource.kind, end, plan.excusesProxies),
      pulled: undefined,
    };
  }
  if (method === "HEAD" && end.said.outcome === "found") {
    learnWhere(memory.pushedParts, resource, end.upstream, end.said.answer);
  }
  if (resource.kind === "manifest" && end.said.outcome === "found") {
    learnHolder(memory.holders, resource, end.upstream, end.said);
  }
  const how = plan.hinted === end.upstream ? "found by location hint" : "found";
  const { answer, body } = end.said;
  if (body !== undefined) {
    // Buffered responses of one tick are sent together. A body that streams must not wait for that.
    await tick.next();
    return { decision: await respondWith(exchange, end, how, undefined, resource), pulled: end };
  }
  const safeguards = {
    resumer:
      resource.kind === "blob" && method === "GET"
        ? createResumer(
            metrics,
            {
              digest: resource.digest,
              order: plan.order,
              send: (upstream, range) =>
                upstream.query({ ...toUpstreamRequest(request, upstream, exchange), range }),
            },
            answer,
          )
        : undefined,
    integrity: integrityCheckFor(request, answer),
  };
  return { decision: await respondWith(exchange, end, how, safeguards), pulled: end };
}

/** A pushing client does not upload what a HEAD found. */
function learnWhere(
  parts: PushedParts,
  resource: RegistryRequest["resource"],
  { kind }: Upstream,
  { headers }: UpstreamResponse,
): void {
  if (resource.kind === "blob") {
    parts.learn(kind, resource.repository, resource.digest);
  } else if (resource.kind === "manifest") {
    const digest = resource.byDigest ? resource.reference : firstValue(headers, "docker-content-digest");
    if (digest !== undefined && isDigest(digest)) {
      parts.learn(kind, resource.repository, digest);
    }
  }
}

/** Learns from a manifest which upstream has its layers. */
function learnHolder(
  holders: HolderHints<Upstream>,
  { repository, byDigest, reference }: ManifestQuestion["resource"],
  holder: Upstream,
  { answer, body }: Extract<QueryOutcome, { outcome: "found" }>,
): void {
  const digest = byDigest ? reference : firstValue(answer.headers, "docker-content-digest");
  if (digest === undefined || !isDigest(digest)) {
    holders.manifestAt(holder, repository, undefined);
    return;
  }
  if (body !== undefined && body.length > 0 && !holders.knowsParts(holder, repository, digest)) {
    holders.partsAt(holder, repository, digest, digestsIn(body));
  }
  holders.manifestAt(holder, repository, digest);
}

function countLocationHint(
  metrics: Metrics,
  { hinted: remembered }: LookupPlan<Upstream>,
  end: FailoverResult,
): void {
  const isHit = end.ended === "answered" && end.upstream === remembered;
  metrics.locationHints.inc({ result: remembered === undefined ? "none" : isHit ? "hit" : "miss" });
}
