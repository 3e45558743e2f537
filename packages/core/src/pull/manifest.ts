import type { InflightManifests, VariantId, VariantIds } from "../cache/inflight-manifests.ts";
import type { Memory } from "../cache/memory.ts";
import type { TickBatch } from "../concurrency/batch.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Metrics } from "../observe/metrics.ts";
import { publicOrigin } from "../protocol/forwarded-headers.ts";
import type { RegistryRequest, Resource } from "../protocol/request.ts";
import {
  isAboutContent,
  isClientSpecific,
  isShareable,
  isShareableManifest,
  variantKey,
} from "../protocol/shareable.ts";
import { type FailureKind, refusalWords } from "../routing/classify.ts";
import type { QueryOutcome } from "../upstream/query-outcome.ts";
import { toUpstreamRequest, type UpstreamRequest } from "../upstream/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { cacheManifest } from "./cached-manifest.ts";

export type ManifestOutcome = QueryOutcome | { readonly outcome: "known absent" };

/** A request for a manifest whose answer does not depend on the client. */
export interface ManifestQuestion {
  readonly request: RegistryRequest;
  readonly resource: Extract<Resource, { kind: "manifest" }>;
  /** The query and `Accept`, on which the answer may depend. */
  readonly variant: VariantId;
}

export type Shared =
  | { readonly kind: "for all"; readonly said: QueryOutcome }
  /** A response that is too long or may not be shared: the first caller takes it. */
  | { readonly kind: "for one"; readonly method: string; take(): QueryOutcome | undefined };

interface CoalescedFetch {
  readonly isLeader: boolean;
  readonly shared: Shared;
}

interface FetchContext {
  readonly memory: Memory<Upstream>;
  readonly inflight: InflightManifests<Shared>;
  /** Shared across reloads, because requests in flight are keyed by these ids. */
  readonly variants: VariantIds;
  readonly tick: TickBatch;
  readonly metrics: Metrics;
}

// Failures that a retry cannot fix: every client would get the same one.
const neverRetried: readonly FailureKind[] = ["circuit-open", "queue-full", "rate-limited"];

/** Fetches manifests. Concurrent requests for the same one share one upstream request. */
export class ManifestFetcher {
  readonly #context: FetchContext;

  constructor(context: FetchContext) {
    this.#context = context;
  }

  /** Undefined if the answer may depend on the client. */
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
   * Asks one upstream, or joins a request in flight. A proxy is not asked for a tag in the negative cache.
   * @throws ClientAborted
   */
  async fetch(exchange: Exchange, upstream: Upstream, question: ManifestQuestion): Promise<ManifestOutcome> {
    const { request, resource, variant } = question;
    const { repository, byDigest, reference } = resource;
    const { method } = request;
    const { memory, metrics } = this.#context;
    if (!byDigest && memory.absences.has(upstream, repository, reference, { variant, method })) {
      metrics.cacheHits.inc({ cache: "negative" });
      return { outcome: "known absent" };
    }
    let coalesced = await this.#coalesce(exchange, upstream, question);
    if (!coalesced.isLeader && isWorthRetry(coalesced)) {
      // Together with the other followers.
      coalesced = await this.#coalesce(exchange, upstream, question);
    }
    const { shared, isLeader } = coalesced;
    if (shared.kind === "for all") {
      if (!isLeader) {
        metrics.cacheHits.inc({ cache: "inflight" });
      }
      return shared.said;
    }
    const mine = shared.method === method ? shared.take() : undefined;
    return mine ?? upstream.query(toUpstreamRequest(request, upstream, exchange));
  }

  /** A HEAD joins a GET in flight. */
  async #coalesce(
    exchange: Exchange,
    upstream: Upstream,
    question: ManifestQuestion,
  ): Promise<CoalescedFetch> {
    const { request, resource, variant } = question;
    const { repository, reference } = resource;
    const inflight = this.#context.inflight.at(upstream);
    // Hosted may build addresses from the name by which the client knows the router.
    const origin =
      upstream.kind === "hosted" ? publicOrigin(exchange.request.rawHeaders, exchange.client) : "";
    const get = `GET ${variant} ${reference} ${origin}`;
    const joinsGet = request.method === "GET" || inflight.has(repository, get);
    let isLeader = false;
    const shared = await inflight.run(
      repository,
      joinsGet ? get : `HEAD ${variant} ${reference} ${origin}`,
      exchange.signal,
      (signal, hasChanged) => {
        isLeader = true;
        // The first client's request is sent for all: its variant says that the answer does not depend on the client.
        const asked = { ...toUpstreamRequest(request, upstream, exchange), signal, shared: true };
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
    if (!isShareableOutcome(said)) {
      // Without the wait below, in which a failure of its body would have no listener.
      return exclusive(request.method, said);
    }
    if (!hasChanged()) {
      learn(memory, upstream, question, said);
    }
    // Wait one tick: requests already received but not yet parsed may still join this response.
    await tick.next();
    return { kind: "for all", said };
  }
}

function isWorthRetry({ shared }: CoalescedFetch): boolean {
  return (
    shared.kind === "for all" &&
    shared.said.outcome === "failed" &&
    !neverRetried.includes(shared.said.failure.kind)
  );
}

function isShareableOutcome(said: QueryOutcome): boolean {
  switch (said.outcome) {
    case "found":
      return isShareableManifest(said.body, said.answer.headers);
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
  const { request, resource, variant } = question;
  if (said.outcome === "not_found" && upstream.kind === "proxy" && !resource.byDigest) {
    const { status } = said.answer;
    if (status !== 404 && refusalWords(status, said.body.toString()) !== undefined) {
      // The cache has no place for the words.
      return;
    }
    // Other statuses to HEAD say nothing about GET: some registries refuse HEAD.
    const method = status === 404 ? "GET" : request.method;
    absences.learn(upstream, resource.repository, resource.reference, { variant, method });
  } else if (said.outcome === "found" && said.body !== undefined && request.method === "GET") {
    cacheManifest(manifests, upstream, question, said.answer, said.body);
  }
}

function exclusive(method: string, said: QueryOutcome): Shared {
  let left: QueryOutcome | undefined = said;
  const take = () => {
    const taken = left;
    left = undefined;
    return taken;
  };
  // Waiting callers take it before that, if they have not left.
  setImmediate(() => {
    const untaken = take();
    if (untaken?.outcome === "found") {
      untaken.answer.body.destroy();
    }
  });
  return { kind: "for one", method, take };
}
