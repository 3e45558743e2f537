import { InflightManifests, VariantIds } from "./cache/inflight-manifests.ts";
import { Memory, type MemoryBounds } from "./cache/memory.ts";
import { ReferrersSupport } from "./cache/referrers-support.ts";
import { ShadowLog } from "./cache/shadowed-tags.ts";
import { TickBatch } from "./concurrency/batch.ts";
import { Semaphore } from "./concurrency/semaphore.ts";
import type { CompleteConfig, CompleteUpstream } from "./config/complete.ts";
import { BlobCopier } from "./copy/blob.ts";
import { Activity } from "./observe/activity.ts";
import { Metrics } from "./observe/metrics.ts";
import { UpstreamAccount } from "./observe/upstream-account.ts";
import { TrustedAddresses } from "./protocol/address.ts";
import { Invalidation } from "./pull/invalidate.ts";
import { ManifestFetcher, type Shared } from "./pull/manifest.ts";
import { Ownership } from "./pull/ownership.ts";
import { ReferrersIndex } from "./referrers/write-index.ts";
import { Policy } from "./routing/policy.ts";
import type { ShadowContext } from "./shadow/on-pull.ts";
import { Pings } from "./upstream/pings.ts";
import { Upstream, type UpstreamContext } from "./upstream/upstream.ts";

/** What everything that one configuration has set up goes by. */
export interface RouterState {
  readonly config: CompleteConfig;
  readonly trusted: TrustedAddresses;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly Upstream[];
  readonly policy: Policy<Upstream>;
  readonly memory: Memory<Upstream>;
  readonly tick: TickBatch;
  readonly pings: Pings;
  readonly metrics: Metrics;
  /** What the status page tells of the last hour; undefined without one. */
  readonly activity: Activity | undefined;
  /** Aborted when no new request goes by this configuration: what goes on behind answered ones is given up then. */
  readonly ended: AbortController;
}

/**
 * What one configuration has set up: its state, and the parts that keep state of their own. Nothing that serves a request imports
 * this; every function names what it needs.
 */
export interface Services extends RouterState {
  readonly ownership: Ownership;
  readonly invalidation: Invalidation;
  readonly manifests: ManifestFetcher;
  /** Who has the referrers API. */
  readonly referrersSupport: ReferrersSupport<Upstream>;
  readonly referrersIndex: ReferrersIndex;
  readonly copier: BlobCopier;
  readonly shadows: ShadowContext;
  /** Images being explained on the status page. */
  readonly explaining: Semaphore;
  /** What outlasts a configuration, whatever the next one says. */
  readonly lasting: Lasting;
}

/** What is carried over from configuration to configuration, so that requests of both meet in it. */
interface Lasting {
  readonly observer: UpstreamAccount;
  readonly inflight: InflightManifests<Shared>;
  readonly variants: VariantIds;
}

// Each asks every upstream once or twice, and people read what it says.
const explainedAtOnce = 4;
// Milliseconds. A registry gets the API with an upgrade, which need not be noticed at once.
const referrersApiTtl = 5 * 60_000;

/**
 * Sets up everything that a configuration asks for; opens no connection.
 * @param before what is there already: metrics go on, and so do upstreams and memory that nothing has changed about
 */
export function createServices(config: CompleteConfig, before?: Services): Services {
  const metrics = before?.metrics ?? new Metrics();
  const lasting = before?.lasting ?? {
    observer: new UpstreamAccount(metrics),
    inflight: new InflightManifests<Shared>(),
    variants: new VariantIds(),
  };
  const state = createState(config, metrics, lasting.observer, before);
  const { upstreams, policy, memory, tick, ended } = state;
  const { peers, logger } = config;
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
    referrersIndex: new ReferrersIndex({ invalidation, ownership, peers }, before?.referrersIndex),
    copier: new BlobCopier(metrics),
    shadows: { log, policy, metrics, logger, ended: ended.signal },
    explaining: before?.explaining ?? new Semaphore(explainedAtOnce),
    lasting,
  };
}

function createState(
  config: CompleteConfig,
  metrics: Metrics,
  observer: UpstreamAccount,
  before: RouterState | undefined,
): RouterState {
  if (config.metrics.process) {
    metrics.addProcess();
  }
  const { hosted, proxies } = upstreamsFor(config, contextFor(config, observer), before);
  const upstreams = [hosted, ...proxies];
  if (JSON.stringify(before?.config.rules) !== JSON.stringify(config.rules)) {
    for (const proxy of proxies) {
      // What it was asked for before may be a name by now that it must not be asked for.
      proxy.dropProbe();
    }
  }
  metrics.upstreams.show(upstreams);
  for (const { name } of proxies) {
    // From the start, so that the first finding is an increase.
    metrics.shadowedTags.inc({ upstream: name }, 0);
  }
  const activity = activityFor(config, upstreams, before);
  observer.activity = activity;
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

/** Apart from `upstreamsFor`, whose variables a function made there would keep alive, and with them all that is there no more. */
function contextFor({ via, limits }: CompleteConfig, observer: UpstreamAccount): UpstreamContext {
  return { via, clientIdle: limits.clientIdle, observer };
}

function activityFor(
  { statusPage }: CompleteConfig,
  upstreams: readonly Upstream[],
  before: RouterState | undefined,
): Activity | undefined {
  if (statusPage === "off") {
    return undefined;
  }
  const activity = before?.activity ?? new Activity();
  activity.show(upstreams.map(({ name }) => name));
  return activity;
}

function pingsFor(metrics: Metrics): Pings {
  return new Pings((upstream, { status }) => metrics.upstreams.asked(upstream, status !== undefined));
}

function upstreamsFor(
  config: CompleteConfig,
  context: UpstreamContext,
  before: RouterState | undefined,
): { readonly hosted: Upstream; readonly proxies: readonly Upstream[] } {
  const kept = before === undefined ? new Map<string, Upstream>() : upstreamsByIdentity(before);
  const upstreamFor = (one: CompleteUpstream) =>
    kept.get(identity(one, config)) ?? new Upstream(one, context);
  return { hosted: upstreamFor(config.hosted), proxies: config.proxies.map(upstreamFor) };
}

function upstreamsByIdentity({ config, upstreams }: RouterState): Map<string, Upstream> {
  return new Map(
    [config.hosted, ...config.proxies].flatMap((one, index) => {
      const upstream = upstreams[index];
      return upstream === undefined ? [] : [[identity(one, config), upstream]];
    }),
  );
}

/** Everything that an upstream is made of: with the same, it would be made the same. */
function identity(upstream: CompleteUpstream, { via, limits }: CompleteConfig): string {
  return JSON.stringify([upstream, via, limits]);
}

function memoryToKeep(
  { memory }: CompleteConfig,
  upstreams: readonly Upstream[],
  before: RouterState | undefined,
): Memory<Upstream> | undefined {
  const same =
    before !== undefined &&
    haveSame(before.config.memory, memory) &&
    // Memory must not keep an upstream alive that is there no more.
    before.upstreams.every((upstream) => upstreams.includes(upstream));
  return same ? before.memory : undefined;
}

function haveSame(one: MemoryBounds, other: MemoryBounds): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
