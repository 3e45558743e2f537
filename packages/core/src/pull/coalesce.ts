import type { VariantId } from "../cache/request-variants.ts";
import type { Exchange } from "../http/exchange.ts";
import type { RegistryRequest, Resource } from "../protocol/request.ts";
import { isAboutContent, isClientSpecific, isShareable } from "../protocol/shareable.ts";
import type { Services } from "../services.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import { toUpstreamRequest, type UpstreamRequest } from "../upstream/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { cacheManifest } from "./cached-manifest.ts";

/** A question for a manifest whose answer does not depend on who asks. */
export interface ManifestQuestion {
  readonly request: RegistryRequest;
  readonly resource: Extract<Resource, { kind: "manifest" }>;
  /** What the answer depends on besides. */
  readonly variant: VariantId;
}

/** What one upstream said to all who asked it the same at a time. */
export type Shared =
  | { readonly kind: "for all"; readonly said: QueryOutcome }
  /** An answer that is too long to be kept for all, or is none to be shared: it is for whoever takes it first. */
  | { readonly kind: "for one"; readonly method: string; take(): QueryOutcome | undefined };

/** Whether this one's question was put, or another's that was under way; and what came of it. */
export interface CoalescedFetch {
  readonly isLeader: boolean;
  readonly shared: Shared;
}

/**
 * Asks one upstream for a manifest, or waits with those who are asking it already. HEAD is answered by a GET as well.
 * @throws ClientGone
 */
export async function fetchCoalesced(
  services: Services,
  exchange: Exchange,
  upstream: Upstream,
  question: ManifestQuestion,
): Promise<CoalescedFetch> {
  const { request, resource, variant: wish } = question;
  const { repository, reference } = resource;
  const inflight = services.inflight.at(upstream);
  const get = `GET ${wish} ${reference}`;
  const joinsGet = request.method === "GET" || inflight.has(repository, get);
  let isLeader = false;
  const shared = await inflight.run(
    repository,
    joinsGet ? get : `HEAD ${wish} ${reference}`,
    exchange.signal,
    (signal, hasChanged) => {
      isLeader = true;
      // It is the first one's question. Nothing in it that an answer may depend on is that client's alone.
      const asked = { ...toUpstreamRequest(request, upstream, exchange), signal, shareable: true };
      return find(services, upstream, question, asked, hasChanged);
    },
  );
  return { isLeader, shared };
}

async function find(
  services: Services,
  upstream: Upstream,
  question: ManifestQuestion,
  asked: UpstreamRequest,
  hasChanged: () => boolean,
): Promise<Shared> {
  const { request } = question;
  const said = await upstream.query(asked);
  if (!mayGoToAll(said)) {
    // At once: nobody would notice if what is still to come of it broke off meanwhile.
    return exclusive(request.method, said);
  }
  if (!hasChanged()) {
    learn(services, upstream, question, said);
  }
  // Those who had asked by the time that the answer came are let in, though they are looked at later in this turn.
  await services.tick.next();
  return { kind: "for all", said };
}

function mayGoToAll(said: QueryOutcome): boolean {
  switch (said.outcome) {
    case "found":
      return said.body !== undefined;
    case "failed":
      return !isClientSpecific(said.failure.status);
    default:
      return isShareable(said.answer.headers) && isAboutContent(said.answer.status, said.body);
  }
}

function learn(services: Services, upstream: Upstream, question: ManifestQuestion, said: QueryOutcome): void {
  if (said.outcome === "not_found") {
    learnAbsence(services, upstream, question, said.answer.status);
  } else if (said.outcome === "found" && said.body !== undefined && question.request.method === "GET") {
    cacheManifest(services, upstream, question, said.answer, said.body);
  }
}

function learnAbsence(
  { memory: { absences } }: Services,
  upstream: Upstream,
  { request: { method }, resource: { repository, byDigest, reference }, variant: wish }: ManifestQuestion,
  status: number,
): void {
  if (upstream.kind === "proxy" && !byDigest) {
    // Some refuse HEAD, or have none, and answer GET.
    absences.learn(upstream, repository, reference, {
      variant: wish,
      method: status === 404 ? "GET" : method,
    });
  }
}

function exclusive(method: string, said: QueryOutcome): Shared {
  let left: QueryOutcome | undefined = said;
  const take = () => {
    const taken = left;
    left = undefined;
    return taken;
  };
  // Those who wait take it before that, if there are any left.
  setImmediate(() => {
    const untaken = take();
    if (untaken?.outcome === "found") {
      untaken.answer.body.destroy();
    }
  });
  return { kind: "for one", method, take };
}
