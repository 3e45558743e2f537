import { InflightManifests, VariantIds } from "./cache/inflight-manifests.ts";
import { Memory } from "./cache/memory.ts";
import { ReferrersSupport } from "./cache/referrers-support.ts";
import { ShadowLog } from "./cache/shadowed-tags.ts";
import { TickBatch } from "./concurrency/batch.ts";
import { Semaphore } from "./concurrency/semaphore.ts";
import type { CompleteConfig, CompleteUpstream } from "./config/complete.ts";
import { BlobCopier } from "./copy/blob.ts";
import { Activity } from "./observe/activity.ts";
import { Metrics } from "./observe/metrics.ts";
import { TrustedAddresses } from "./protocol/address.ts";
import { Invalidation } from "./pull/invalidate.ts";
import { ManifestFetcher, type Shared } from "./pull/manifest.ts";
import { Ownership } from "./pull/ownership.ts";
import { ReferrersIndex } from "./referrers/write-index.ts";
import { Policy } from "./routing/policy.ts";
import type { ShadowContext } from "./shadow/on-pull.ts";
import { Pings } from "./upstream/pings.ts";
import { Upstream, type UpstreamObserver } from "./upstream/upstream.ts";

/** The state of one configuration that others of its parts are made from. */
interface RouterState {
  readonly config: CompleteConfig;
  readonly trusted: TrustedAddresses;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly Upstream[];
  readonly policy: Policy<Upstream>;
  readonly memory: Memory<Upstream>;
  readonly tick: TickBatch;
  readonly pings: Pings;
  readonly metrics: Metrics;
  /** The last hour, for the status page; undefined without one. */
  readonly activity: Activity | undefined;
  /** Aborted when no new request uses this configuration. Background work of answered requests ends then. */
  readonly ended: AbortController;
}

/**
 * Everything that one configuration sets up. Functions that serve a request do not import this type: each names the parts that it
 * needs.
 */
export interface RouterContext extends RouterState {
  readonly ownership: Ownership;
  readonly invalidation: Invalidation;
  readonly manifests: ManifestFetcher;
  readonly referrersSupport: ReferrersSupport<Upstream>;
  readonly referrersIndex: ReferrersIndex;
  readonly copier: BlobCopier;
  readonly shadows: ShadowContext;
  readonly explaining: Semaphore;
  /** Shared across reloads, so that requests of both configurations coalesce. */
  readonly lasting: {
    readonly inflight: InflightManifests<Shared>;
    readonly variants: VariantIds;
  };
}

// Each explanation sends one or two requests to every upstream.
const explainedAtOnce = 4;
// Milliseconds. A registry gets the API with an upgrade, which need not be noticed at once.
const referrersApiTtl = 5 * 60_000;

/**
 * Sets up everything that a configuration asks for; opens no connection.
 * @param before the context of the previous configuration, whose unchanged parts are used again
 */
export function createRouterContext(config: CompleteConfig, before?: RouterContext): RouterContext {
  const state = createState(config, before);
  const { metrics, upstreams, policy, memory, tick, ended } = state;
  const { peers, logger } = config;
  const lasting = before?.lasting ?? {
    inflight: new InflightManifests<Shared>(),
    variants: new VariantIds(),
  };
  const { inflight, variants } = lasting;
  const ownership = new Ownership(policy, before?.ownership);
  const invalidation = new Invalidation(
    { memory, upstreams, inflight, ownership, peers },
    before?.invalidation,
  );
  const log = before?.shadows.log ?? new ShadowLog();
  return {
    ...state,
    ownership,
    invalidation,
    manifests: new ManifestFetcher({ memory, inflight, variants, tick, metrics }),
    referrersSupport: before?.referrersSupport ?? new ReferrersSupport(referrersApiTtl),
    referrersIndex: new ReferrersIndex({ invalidation, peers }, before?.referrersIndex),
    copier: new BlobCopier(metrics),
    shadows: { log, policy, metrics, logger, ended: ended.signal },
    explaining: before?.explaining ?? new Semaphore(explainedAtOnce),
    lasting,
  };
}

function createState(config: CompleteConfig, before: RouterState | undefined): RouterState {
  const metrics = before?.metrics ?? new Metrics();
  if (config.metrics.process) {
    metrics.addProcess();
  }
  const { hosted, proxies } = upstreamsFor(config, metrics.upstreams, before);
  const upstreams = [hosted, ...proxies];
  if (JSON.stringify(before?.config.rules) !== JSON.stringify(config.rules)) {
    for (const proxy of proxies) {
      // A probe repeats an earlier request. The new rules may keep its repository from this proxy.
      proxy.dropProbe();
    }
  }
  metrics.upstreams.show(upstreams);
  for (const { name } of proxies) {
    // From the start, so that the first finding is an increase.
    metrics.shadowedTags.inc({ upstream: name }, 0);
  }
  const activity = config.statusPage === "off" ? undefined : (before?.activity ?? new Activity());
  activity?.show(upstreams.map(({ name }) => name));
  metrics.upstreams.activity = activity;
  return {
    config,
    metrics,
    upstreams,
    activity,
    memory: memoryToKeep(config, upstreams, before) ?? new Memory(config.memory),
    trusted: new TrustedAddresses(config.trustProxy),
    policy: new Policy({ hosted, proxies, rules: config.rules }),
    tick: before?.tick ?? new TickBatch(),
    pings: before?.pings ?? pingsFor(metrics),
    ended: new AbortController(),
  };
}

/** A separate function, so that the closure does not keep the upstreams of this configuration alive. */
function pingsFor({ upstreams }: Metrics): Pings {
  return new Pings((upstream, { status }) => upstreams.setUp(upstream, status !== undefined));
}

function upstreamsFor(
  config: CompleteConfig,
  observer: UpstreamObserver,
  before: RouterState | undefined,
): { readonly hosted: Upstream; readonly proxies: readonly Upstream[] } {
  const { via, limits } = config;
  const kept = new Map<string, Upstream>();
  if (before !== undefined) {
    [before.config.hosted, ...before.config.proxies].forEach((one, index) => {
      const upstream = before.upstreams[index];
      if (upstream !== undefined) {
        kept.set(identity(one, before.config), upstream);
      }
    });
  }
  const upstreamFor = (one: CompleteUpstream) =>
    kept.get(identity(one, config)) ?? new Upstream(one, { via, clientIdle: limits.clientIdle, observer });
  return { hosted: upstreamFor(config.hosted), proxies: config.proxies.map(upstreamFor) };
}

function identity(upstream: CompleteUpstream, { via, limits }: CompleteConfig): string {
  return JSON.stringify([upstream, via, limits]);
}

function memoryToKeep(
  { memory }: CompleteConfig,
  upstreams: readonly Upstream[],
  before: RouterState | undefined,
): Memory<Upstream> | undefined {
  const isSame =
    before !== undefined &&
    JSON.stringify(before.config.memory) === JSON.stringify(memory) &&
    // Memory must not keep removed upstreams alive.
    before.upstreams.every((upstream) => upstreams.includes(upstream));
  return isSame ? before.memory : undefined;
}
