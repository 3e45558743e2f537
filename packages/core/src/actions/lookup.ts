import { firstValue } from "../protocol/headers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { LookupPlan } from "../routing/plan.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/ask.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { consult, errandOf } from "./consult.ts";
import { deliver } from "./deliver.ts";
import type { Exchange } from "./exchange.ts";
import { type Mender, menderOf } from "./mend.ts";
import { nobodyHasIt } from "./nobody-has-it.ts";
import { proofOf } from "./proof.ts";
import { checkPulled } from "./shadowing.ts";
import { type Walk, walk } from "./walk.ts";

/**
 * One request, one pass: each upstream in turn is asked for the very thing that the client asked for, and the
 * first answer that is one streams to the client. Nothing is probed and nothing is buffered.
 */
export async function lookup(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  plan: LookupPlan<Upstream>,
): Promise<void> {
  const end = await walk(services, {
    order: plan.order,
    ask: (upstream, lastChance) =>
      consult(services, exchange, upstream, { ...errandOf(request, upstream), lastChance }),
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
    remember(services, request, end.upstream, firstValue(end.said.answer.headers, "docker-content-digest"));
  }
  const { answer } = end.said;
  const safeguards = {
    mender: menderFor(services, exchange, request, plan.order, answer),
    proof: proofOf(request, answer),
  };
  await deliver(exchange, end, plan.remembered === end.upstream ? "remembered" : "found", safeguards);
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
  { memory }: Services,
  { resource }: RegistryRequest,
  holder: Upstream,
  digest: string | undefined,
): void {
  if (resource.kind === "manifest") {
    memory.manifestAt(holder, resource.repository, resource.byDigest ? resource.reference : digest);
  }
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
    metrics.memory.inc({ result: remembered === undefined ? "none" : hit ? "hit" : "detour" });
  }
}
