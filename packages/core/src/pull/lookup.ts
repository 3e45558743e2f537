import type { Exchange } from "../http/exchange.ts";
import { firstValue } from "../protocol/headers.ts";
import { digestsIn } from "../protocol/manifest.ts";
import { isDigest } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { LookupPlan } from "../routing/plan.ts";
import type { Services } from "../services.ts";
import { checkPulled } from "../shadow/on-pull.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { respondNotFound, respondWith } from "./answer.ts";
import { cachedManifest, sendCached } from "./cached-manifest.ts";
import { type FailoverResult, failover } from "./failover.ts";
import { integrityCheckFor } from "./integrity.ts";
import { manifestQuestion, queryManifest } from "./manifest.ts";
import { type QueryOutcome, query, toUpstreamRequest } from "./query.ts";
import { createResumer, type Resumer } from "./resume.ts";

/**
 * One request, one pass: each upstream in turn is asked for the very thing that the client asked for, and the
 * first answer that is one goes to the client. Nothing is probed; blobs stream, and a manifest is asked for once for all who want it
 * at a time.
 */
export async function lookup(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  plan: LookupPlan<Upstream>,
): Promise<void> {
  const question = manifestQuestion(services, exchange, request);
  const kept = question && cachedManifest(services, exchange, question, plan.order);
  if (kept !== undefined) {
    sendCached(services, exchange, kept);
    return;
  }
  const end = await failover<Upstream>({
    order: plan.order,
    ask: (upstream, bypassBreaker) =>
      question === undefined || bypassBreaker || upstream.passthrough
        ? query(services, exchange, upstream, { ...toUpstreamRequest(request, upstream), bypassBreaker })
        : queryManifest(services, exchange, upstream, question),
    // Pushing clients ask HEAD about every layer, and go on when hosted has not got it; for pulling ones, HEAD of a tag is final.
    revive:
      request.method === "GET" || (request.resource.kind === "manifest" && !request.resource.byDigest)
        ? (upstream) => upstream.bypassBreaker()
        : undefined,
    stopsAfterFailureOf: () => plan.stopsAtFailure,
    onFallback: (from, to) => services.metrics.fallbacks.inc({ from: from.name, to: to.name }),
  });
  countMemory(services, request, plan, end);
  if (end.ended === "exhausted") {
    respondNotFound(services, exchange, request.resource.kind, end);
    return;
  }
  if (end.said.outcome === "found") {
    remember(services, request, end.upstream, end.said);
  }
  if (end.said.body !== undefined) {
    // It is at hand, and so may others be. A body that is still to come must not be left alone for that long.
    await services.tick.next();
  }
  const { answer } = end.said;
  const safeguards = {
    resumer: resumerFor(services, exchange, request, plan.order, answer),
    integrity: integrityCheckFor(request, answer),
  };
  await respondWith(
    exchange,
    end,
    plan.remembered === end.upstream ? "found by location hint" : "found",
    safeguards,
  );
  checkPulled(services, exchange, request, plan.order, end);
}

function resumerFor(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  order: readonly Upstream[],
  first: UpstreamResponse,
): Resumer | undefined {
  const { resource, method } = request;
  if (resource.kind !== "blob" || method !== "GET") {
    return undefined;
  }
  const ask = (upstream: Upstream, range: string) =>
    query(services, exchange, upstream, { ...toUpstreamRequest(request, upstream), range });
  return createResumer(services, { digest: resource.digest, order, ask }, first);
}

/** Learns from a manifest that was served, so that its layers are asked for in the right place. */
function remember(
  { memory: { holders } }: Services,
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
  { metrics }: Services,
  { resource, method }: RegistryRequest,
  { remembered }: LookupPlan<Upstream>,
  end: FailoverResult,
): void {
  const asked =
    method === "GET" && (resource.kind === "blob" || (resource.kind === "manifest" && resource.byDigest));
  if (asked) {
    const hit = end.ended === "answered" && end.upstream === remembered;
    metrics.memory.inc({ result: remembered === undefined ? "none" : hit ? "hit" : "miss" });
  }
}
