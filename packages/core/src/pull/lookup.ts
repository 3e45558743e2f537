import type { HolderHints } from "../cache/holders.ts";
import type { Memory } from "../cache/memory.ts";
import type { TickBatch } from "../concurrency/batch.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import type { Metrics } from "../observe/metrics.ts";
import { firstValue } from "../protocol/headers.ts";
import { digestsIn } from "../protocol/manifest.ts";
import { isDigest } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { LookupPlan } from "../routing/plan.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import type { Resumer } from "../upstream/resumable-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { respondNotFound, respondWith } from "./answer.ts";
import { cachedManifest, sendCached } from "./cached-manifest.ts";
import { type FailoverResult, failover } from "./failover.ts";
import { integrityCheckFor } from "./integrity.ts";
import type { ManifestFetcher } from "./manifest.ts";
import { createResumer } from "./resume.ts";

export interface LookupResult {
  readonly decision: Decision;
  /** Undefined if no upstream was asked, or none answered. */
  readonly pulled: Extract<FailoverResult, { ended: "answered" }> | undefined;
}

export interface LookupContext {
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
  const question =
    request.resource.kind === "manifest"
      ? manifests.question(exchange, request, request.resource)
      : undefined;
  const kept = question && cachedManifest(memory.manifests, exchange, question, plan.order);
  if (kept !== undefined) {
    return { decision: sendCached(metrics, exchange, kept), pulled: undefined };
  }
  const end = await failover<Upstream>({
    order: plan.order,
    send: (upstream, bypassBreaker) =>
      question === undefined || bypassBreaker || upstream.passthrough
        ? upstream.query({ ...toUpstreamRequest(request, upstream, exchange), bypassBreaker })
        : manifests.fetch(exchange, upstream, question),
    // A pushing client sends HEAD for each layer, and must not wait for it. For a pulling client, the HEAD of a tag is final.
    revive:
      request.method === "GET" || (request.resource.kind === "manifest" && !request.resource.byDigest)
        ? (upstream) => upstream.bypassBreaker()
        : undefined,
    stopsAfterFailureOf: () => plan.stopsAtFailure,
    onFallback: (from, to) => metrics.fallbacks.inc({ from: from.name, to: to.name }),
  });
  countMemory(metrics, request, plan, end);
  if (end.ended === "exhausted") {
    return { decision: respondNotFound(exchange, request.resource.kind, end), pulled: undefined };
  }
  if (end.said.outcome === "found") {
    remember(memory.holders, request, end.upstream, end.said);
  }
  const how = plan.remembered === end.upstream ? "found by location hint" : "found";
  const { answer, body } = end.said;
  if (body !== undefined) {
    // Answers that are buffered go out together. A body that is still to come must not wait for that long.
    await tick.next();
    return { decision: await respondWith(exchange, end, how), pulled: end };
  }
  const safeguards = {
    resumer: resumerFor(metrics, exchange, request, plan.order, answer),
    integrity: integrityCheckFor(request, answer),
  };
  return { decision: await respondWith(exchange, end, how, safeguards), pulled: end };
}

function resumerFor(
  metrics: Metrics,
  exchange: Exchange,
  request: RegistryRequest,
  order: readonly Upstream[],
  first: UpstreamResponse,
): Resumer | undefined {
  const { resource, method } = request;
  if (resource.kind !== "blob" || method !== "GET") {
    return undefined;
  }
  const send = (upstream: Upstream, range: string) =>
    upstream.query({ ...toUpstreamRequest(request, upstream, exchange), range });
  return createResumer({ metrics }, { digest: resource.digest, order, send }, first);
}

/** Learns from a manifest which upstream has its layers. */
function remember(
  holders: HolderHints<Upstream>,
  { resource }: RegistryRequest,
  holder: Upstream,
  { answer, body }: Extract<QueryOutcome, { outcome: "found" }>,
): void {
  if (resource.kind !== "manifest") {
    return;
  }
  const { repository, byDigest, reference } = resource;
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

function countMemory(
  metrics: Metrics,
  { resource, method }: RegistryRequest,
  { remembered }: LookupPlan<Upstream>,
  end: FailoverResult,
): void {
  const asked =
    method === "GET" && (resource.kind === "blob" || (resource.kind === "manifest" && resource.byDigest));
  if (asked) {
    const hit = end.ended === "answered" && end.upstream === remembered;
    metrics.locationHints.inc({ result: remembered === undefined ? "none" : hit ? "hit" : "miss" });
  }
}
