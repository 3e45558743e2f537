import type { Exchange } from "../http/exchange.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { variantKey } from "../protocol/shareable.ts";
import type { FailureKind } from "../routing/outcome.ts";
import type { Services } from "../services.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type CoalescedFetch, fetchCoalesced, type ManifestQuestion } from "./coalesce.ts";

/** What an upstream said, or is known to say. */
export type ManifestOutcome = QueryOutcome | { readonly outcome: "known absent" };

// The same for everybody, and worse if everybody asks again.
const notTriedAgain: readonly FailureKind[] = ["circuit-open", "queue-full", "rate-limited"];

/** A request as a question whose answer does not depend on who asks; undefined if it is none. */
export function manifestQuestion(
  { variants }: Services,
  exchange: Exchange,
  request: RegistryRequest,
): ManifestQuestion | undefined {
  const { resource, search } = request;
  if (resource.kind !== "manifest") {
    return undefined;
  }
  const variant = variantKey(exchange.request.rawHeaders, search);
  return variant === undefined ? undefined : { request, resource, variant: variants.numberOf(variant) };
}

/**
 * Asks one upstream for a manifest, once for all who ask the same at a time. A proxy is not asked for a tag that it has just said it
 * has not got.
 * @throws ClientGone
 */
export async function queryManifest(
  services: Services,
  exchange: Exchange,
  upstream: Upstream,
  question: ManifestQuestion,
): Promise<ManifestOutcome> {
  const { request, resource, variant: wish } = question;
  const { memory, metrics } = services;
  if (
    !resource.byDigest &&
    memory.absences.has(upstream, resource.repository, resource.reference, {
      variant: wish,
      method: request.method,
    })
  ) {
    metrics.spared.inc({ cache: "negative" });
    return { outcome: "known absent" };
  }
  const { shared, isLeader: began } = await fetchWithOneRetry(services, exchange, upstream, question);
  if (shared.kind === "for all") {
    if (!began) {
      metrics.spared.inc({ cache: "inflight" });
    }
    return shared.said;
  }
  const mine = shared.method === request.method ? shared.take() : undefined;
  return mine ?? upstream.query(toUpstreamRequest(request, upstream, exchange));
}

/** Whoever has joined others in vain tries once more, together with those who do the same. */
async function fetchWithOneRetry(
  services: Services,
  exchange: Exchange,
  upstream: Upstream,
  question: ManifestQuestion,
): Promise<CoalescedFetch> {
  const first = await fetchCoalesced(services, exchange, upstream, question);
  return !first.isLeader && isWorthAnotherTry(first)
    ? fetchCoalesced(services, exchange, upstream, question)
    : first;
}

function isWorthAnotherTry({ shared }: CoalescedFetch): boolean {
  return (
    shared.kind === "for all" &&
    shared.said.outcome === "failed" &&
    !notTriedAgain.includes(shared.said.failure.kind)
  );
}
