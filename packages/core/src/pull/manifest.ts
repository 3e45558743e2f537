import type { Exchange } from "../http/exchange.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { impersonalWish } from "../protocol/shareable.ts";
import type { FailureKind } from "../routing/outcome.ts";
import type { Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type Joined, type ManifestQuestion, shareManifest } from "./coalesce.ts";
import { type Consultation, consult, errandOf } from "./query.ts";

/** What an upstream said, or is known to say. */
export type Word = Consultation | { readonly outcome: "known absent" };

// The same for everybody, and worse if everybody asks again.
const notTriedAgain: readonly FailureKind[] = ["circuit-open", "queue-full", "rate-limited"];

/** A request as a question whose answer does not depend on who asks; undefined if it is none. */
export function manifestQuestion(
  { wishes }: Services,
  exchange: Exchange,
  request: RegistryRequest,
): ManifestQuestion | undefined {
  const { resource, search } = request;
  if (resource.kind !== "manifest") {
    return undefined;
  }
  const wish = impersonalWish(exchange.request.rawHeaders, search);
  return wish === undefined ? undefined : { request, resource, wish: wishes.numberOf(wish) };
}

/**
 * Asks one upstream for a manifest, once for all who ask the same at a time. A proxy is not asked for a tag that it has just said it
 * has not got.
 * @throws ClientGone
 */
export async function consultManifest(
  services: Services,
  exchange: Exchange,
  upstream: Upstream,
  question: ManifestQuestion,
): Promise<Word> {
  const { request, resource, wish } = question;
  const { memory, metrics } = services;
  if (
    !resource.byDigest &&
    memory.absences.has(upstream, resource.repository, resource.reference, { wish, method: request.method })
  ) {
    metrics.spared.inc({ cache: "negative" });
    return { outcome: "known absent" };
  }
  const { shared, began } = await joinTwice(services, exchange, upstream, question);
  if (shared.kind === "for all") {
    if (!began) {
      metrics.spared.inc({ cache: "inflight" });
    }
    return shared.said;
  }
  const mine = shared.method === request.method ? shared.take() : undefined;
  return mine ?? consult(services, exchange, upstream, errandOf(request, upstream));
}

/** Whoever has joined others in vain tries once more, together with those who do the same. */
async function joinTwice(
  services: Services,
  exchange: Exchange,
  upstream: Upstream,
  question: ManifestQuestion,
): Promise<Joined> {
  const first = await shareManifest(services, exchange, upstream, question);
  return !first.began && isWorthAnotherTry(first)
    ? shareManifest(services, exchange, upstream, question)
    : first;
}

function isWorthAnotherTry({ shared }: Joined): boolean {
  return (
    shared.kind === "for all" &&
    shared.said.outcome === "failed" &&
    !notTriedAgain.includes(shared.said.failure.kind)
  );
}
