import type { Exchange } from "../http/exchange.ts";
import { firstValue } from "../protocol/headers.ts";
import { digestsIn } from "../protocol/manifest.ts";
import { isDigest } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { LookupPlan } from "../routing/plan.ts";
import type { Services } from "../services.ts";
import { checkPulled } from "../shadow/on-pull.ts";
import type { Answer } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { deliver, nobodyHasIt } from "./answer.ts";
import { keptManifest, sendKept } from "./cached-manifest.ts";
import { type Walk, walk } from "./failover.ts";
import { proofOf } from "./integrity.ts";
import { consultManifest, manifestQuestion } from "./manifest.ts";
import { type Consultation, consult, errandOf } from "./query.ts";
import { type Mender, menderOf } from "./resume.ts";

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
  const kept = question && keptManifest(services, exchange, question, plan.order);
  if (kept !== undefined) {
    sendKept(services, exchange, kept);
    return;
  }
  const end = await walk(services, {
    order: plan.order,
    ask: (upstream, lastChance) =>
      question === undefined || lastChance || upstream.passthrough
        ? consult(services, exchange, upstream, { ...errandOf(request, upstream), lastChance })
        : consultManifest(services, exchange, upstream, question),
    // Pushing clients ask HEAD about every layer, and go on when hosted has not got it; for pulling ones, HEAD of a tag is final.
    insists: request.method === "GET" || (request.resource.kind === "manifest" && !request.resource.byDigest),
    stopsAfterFailureOf: () => plan.stopsAtFailure,
  });
  countMemory(services, request, plan, end);
  if (end.ended === "exhausted") {
    nobodyHasIt(services, exchange, request.resource.kind, end);
    return;
  }
  if (end.said.outcome === "found") {
    remember(services, request, end.upstream, end.said);
  }
  if (end.said.body !== undefined) {
    // It is at hand, and so may others be. A body that is still to come must not be left alone for that long.
    await services.endOfTurn.reached();
  }
  const { answer } = end.said;
  const safeguards = {
    mender: menderFor(services, exchange, request, plan.order, answer),
    proof: proofOf(request, answer),
  };
  await deliver(
    exchange,
    end,
    plan.remembered === end.upstream ? "found by location hint" : "found",
    safeguards,
  );
  checkPulled(services, exchange, request, plan.order, end);
}

function menderFor(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  order: readonly Upstream[],
  first: Answer,
): Mender | undefined {
  const { resource, method } = request;
  if (resource.kind !== "blob" || method !== "GET") {
    return undefined;
  }
  const ask = (upstream: Upstream, range: string) =>
    consult(services, exchange, upstream, { ...errandOf(request, upstream), range });
  return menderOf(services, { digest: resource.digest, order, ask }, first);
}

/** Learns from a manifest that was served, so that its layers are asked for in the right place. */
function remember(
  { memory: { holders } }: Services,
  { resource }: RegistryRequest,
  holder: Upstream,
  { answer, body }: Extract<Consultation, { outcome: "found" }>,
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
  end: Walk,
): void {
  const asked =
    method === "GET" && (resource.kind === "blob" || (resource.kind === "manifest" && resource.byDigest));
  if (asked) {
    const hit = end.ended === "answered" && end.upstream === remembered;
    metrics.memory.inc({ result: remembered === undefined ? "none" : hit ? "hit" : "miss" });
  }
}
