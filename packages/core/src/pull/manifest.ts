import type { NegativeCache } from "../cache/absences.ts";
import type { InflightManifests, VariantId, VariantIds } from "../cache/inflight-manifests.ts";
import type { Memory } from "../cache/memory.ts";
import type { TickBatch } from "../concurrency/batch.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { RegistryRequest, Resource } from "../protocol/request.ts";
import { isAboutContent, isClientSpecific, isShareable, variantKey } from "../protocol/shareable.ts";
import type { FailureKind } from "../routing/outcome.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import { toUpstreamRequest, type UpstreamRequest } from "../upstream/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { cacheManifest } from "./cached-manifest.ts";

/** What an upstream said, or is known to say. */
export type ManifestOutcome = QueryOutcome | { readonly outcome: "known absent" };

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
interface CoalescedFetch {
  readonly isLeader: boolean;
  readonly shared: Shared;
}

/** What fetching manifests goes by. All but the memory outlasts configurations. */
export interface FetchContext {
  readonly memory: Memory<Upstream>;
  readonly inflight: InflightManifests<Shared>;
  /** The numbers mean the same as long as there may be requests in flight, whatever becomes of the memory. */
  readonly variants: VariantIds;
  readonly tick: TickBatch;
  readonly metrics: Metrics;
}

// The same for every client, and worse if every client asks again.
const notTriedAgain: readonly FailureKind[] = ["circuit-open", "queue-full", "rate-limited"];

/** Fetches manifests, each once for all who ask the same at a time. */
export class ManifestFetcher {
  readonly #context: FetchContext;

  constructor(context: FetchContext) {
    this.#context = context;
  }

  /** A request as a question whose answer does not depend on who asks; undefined if it is none. */
  question(
    exchange: Exchange,
    request: RegistryRequest,
    resource: ManifestQuestion["resource"],
  ): ManifestQuestion | undefined {
    const variant = variantKey(exchange.request.rawHeaders, request.search);
    return variant === undefined
      ? undefined
      : { request, resource, variant: this.#context.variants.idOf(variant) };
  }

  /**
   * Asks one upstream, once for all who ask the same at a time. A proxy is not asked for a tag that it has just said it has not got.
   * @throws ClientAborted
   */
  async fetch(exchange: Exchange, upstream: Upstream, question: ManifestQuestion): Promise<ManifestOutcome> {
    const { request } = question;
    const { memory, metrics } = this.#context;
    if (isKnownAbsent(memory.absences, upstream, question)) {
      metrics.cacheHits.inc({ cache: "negative" });
      return { outcome: "known absent" };
    }
    let coalesced = await this.#coalesce(exchange, upstream, question);
    if (!coalesced.isLeader && isWorthAnotherTry(coalesced)) {
      // Together with those who have joined in vain as well.
      coalesced = await this.#coalesce(exchange, upstream, question);
    }
    const { shared, isLeader } = coalesced;
    if (shared.kind === "for all") {
      if (!isLeader) {
        metrics.cacheHits.inc({ cache: "inflight" });
      }
      return shared.said;
    }
    const mine = shared.method === request.method ? shared.take() : undefined;
    return mine ?? upstream.query(toUpstreamRequest(request, upstream, exchange));
  }

  /** Asks, or waits with those who are asking already. HEAD is answered by a GET as well. */
  async #coalesce(
    exchange: Exchange,
    upstream: Upstream,
    question: ManifestQuestion,
  ): Promise<CoalescedFetch> {
    const { request, resource, variant } = question;
    const { repository, reference } = resource;
    const inflight = this.#context.inflight.at(upstream);
    const get = `GET ${variant} ${reference}`;
    const joinsGet = request.method === "GET" || inflight.has(repository, get);
    let isLeader = false;
    const shared = await inflight.run(
      repository,
      joinsGet ? get : `HEAD ${variant} ${reference}`,
      exchange.signal,
      (signal, hasChanged) => {
        isLeader = true;
        // It is the first one's question. Nothing in it that an answer may depend on is that client's alone.
        const asked = { ...toUpstreamRequest(request, upstream, exchange), signal, shareable: true };
        return this.#find(upstream, question, asked, hasChanged);
      },
    );
    return { isLeader, shared };
  }

  async #find(
    upstream: Upstream,
    question: ManifestQuestion,
    asked: UpstreamRequest,
    hasChanged: () => boolean,
  ): Promise<Shared> {
    const { request } = question;
    const { memory, tick } = this.#context;
    const said = await upstream.query(asked);
    if (!mayGoToAll(said)) {
      // At once: nobody would notice if what is still to come of it broke off meanwhile.
      return exclusive(request.method, said);
    }
    if (!hasChanged()) {
      learn(memory, upstream, question, said);
    }
    // Those who had asked by the time that the answer came are let in, though they are looked at later in this turn.
    await tick.next();
    return { kind: "for all", said };
  }
}

function isKnownAbsent(
  absences: NegativeCache<Upstream>,
  upstream: Upstream,
  { request: { method }, resource: { repository, byDigest, reference }, variant }: ManifestQuestion,
): boolean {
  return !byDigest && absences.has(upstream, repository, reference, { variant, method });
}

function isWorthAnotherTry({ shared }: CoalescedFetch): boolean {
  return (
    shared.kind === "for all" &&
    shared.said.outcome === "failed" &&
    !notTriedAgain.includes(shared.said.failure.kind)
  );
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

function learn(
  { absences, manifests }: Memory<Upstream>,
  upstream: Upstream,
  question: ManifestQuestion,
  said: QueryOutcome,
): void {
  if (said.outcome === "not_found") {
    learnAbsence(absences, upstream, question, said.answer.status);
  } else if (said.outcome === "found" && said.body !== undefined && question.request.method === "GET") {
    cacheManifest(manifests, upstream, question, said.answer, said.body);
  }
}

function learnAbsence(
  absences: NegativeCache<Upstream>,
  upstream: Upstream,
  { request: { method }, resource: { repository, byDigest, reference }, variant }: ManifestQuestion,
  status: number,
): void {
  if (upstream.kind === "proxy" && !byDigest) {
    // Some refuse HEAD, or have none, and answer GET.
    absences.learn(upstream, repository, reference, {
      variant: variant,
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
