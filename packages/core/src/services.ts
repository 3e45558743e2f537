import { InflightManifests } from "./cache/inflight-manifests.ts";
import { Memory, type MemoryBounds } from "./cache/memory.ts";
import { ReferrersSupport } from "./cache/referrers-support.ts";
import { VariantIds } from "./cache/request-variants.ts";
import { ShadowLog } from "./cache/shadowed-tags.ts";
import { TickBatch } from "./concurrency/batch.ts";
import { KeyedMutex } from "./concurrency/keyed-mutex.ts";
import { Semaphore } from "./concurrency/semaphore.ts";
import { Singleflight } from "./concurrency/singleflight.ts";
import type { CompleteConfig, CompleteUpstream } from "./config/complete.ts";
import { Activity } from "./observe/activity.ts";
import { Metrics } from "./observe/metrics.ts";
import { UpstreamAccount } from "./observe/upstream-account.ts";
import { TrustedAddresses } from "./protocol/client-address.ts";
import { Ownership } from "./pull/ownership.ts";
import { Policy } from "./routing/policy.ts";
import { Pings } from "./upstream/pings.ts";
import { Upstream, type UpstreamContext } from "./upstream/upstream.ts";

/** What requests share as long as one configuration lasts. */
export interface Services {
  readonly config: CompleteConfig;
  readonly trusted: TrustedAddresses;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly Upstream[];
  readonly policy: Policy<Upstream>;
  readonly memory: Memory<Upstream>;
  /** Questions for manifests that are under way. */
  readonly inflight: InflightManifests;
  /** What is wanted there: the numbers mean the same as long as there may be such questions, whatever becomes of the memory. */
  readonly variants: VariantIds;
  readonly tick: TickBatch;
  /** What new requests go by, which may be a later configuration than this one. */
  readonly latest: CurrentGeneration;
  readonly owners: Ownership;
  /** Who has the referrers API. */
  readonly referrersSupport: ReferrersSupport<Upstream>;
  /** Those who write an index of referrers. */
  readonly referrersTurns: KeyedMutex;
  readonly pings: Pings;
  readonly metrics: Metrics;
  readonly upstreamAccount: UpstreamAccount;
  /** What the status page tells of the last hour; undefined without one. */
  readonly activity: Activity | undefined;
  /** Images being explained on the status page. */
  readonly explaining: Semaphore;
  readonly copies: Copies;
  readonly shadows: ShadowLog;
  /** Aborted when no new request goes by this configuration: what goes on behind answered ones is given up then. */
  readonly ended: AbortController;
}

/** What a change has to be known to although it was made under an earlier configuration. */
export interface CurrentGeneration {
  memory: Memory<Upstream>;
  upstreams: readonly Upstream[];
}

/** Blobs on their way from proxies to hosted. */
export interface Copies {
  /** What two clients need at a time is copied once. */
  readonly shared: Singleflight<CopyResult>;
  readonly places: Semaphore;
}

/** What became of a blob that hosted was thought to lack. */
export type CopyResult = "copied" | "there already";

// Each holds two connections and the bytes between them: enough for the disks of most, and a bound on what pushes may cost.
const copiesAtOnce = 16;
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
  if (config.metrics.process) {
    metrics.addProcess();
  }
  const upstreamAccount = before?.upstreamAccount ?? new UpstreamAccount(metrics);
  const { hosted, proxies } = upstreamsFor(config, contextFor(config, upstreamAccount), before);
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
  upstreamAccount.activity = activity;
  const memory = memoryToKeep(config, upstreams, before) ?? new Memory(config.memory);
  return {
    config,
    metrics,
    upstreams,
    memory,
    latest: Object.assign(before?.latest ?? {}, { memory, upstreams }),
    trusted: new TrustedAddresses(config.trustProxy),
    policy: new Policy({ hosted, proxies, rules: config.rules }),
    owners: before?.policy.hosted === hosted ? before.owners : new Ownership(),
    activity,
    upstreamAccount,
    explaining: before?.explaining ?? new Semaphore(explainedAtOnce),
    copies: { shared: new Singleflight(), places: new Semaphore(copiesAtOnce) },
    shadows: before?.shadows ?? new ShadowLog(),
    ended: new AbortController(),
    inflight: before?.inflight ?? new InflightManifests(),
    variants: before?.variants ?? new VariantIds(),
    tick: before?.tick ?? new TickBatch(),
    referrersSupport: before?.referrersSupport ?? new ReferrersSupport(referrersApiTtl),
    referrersTurns: before?.referrersTurns ?? new KeyedMutex(),
    pings: before?.pings ?? pingsFor(metrics),
  };
}

function contextFor({ via, limits }: CompleteConfig, observer: UpstreamAccount): UpstreamContext {
  return { via, clientIdle: limits.clientIdle, observer };
}

function activityFor(
  { statusPage }: CompleteConfig,
  upstreams: readonly Upstream[],
  before: Services | undefined,
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
  before: Services | undefined,
): { readonly hosted: Upstream; readonly proxies: readonly Upstream[] } {
  const kept = before === undefined ? new Map<string, Upstream>() : upstreamsByIdentity(before);
  const upstreamFor = (one: CompleteUpstream) =>
    kept.get(identity(one, config)) ?? new Upstream(one, context);
  return { hosted: upstreamFor(config.hosted), proxies: config.proxies.map(upstreamFor) };
}

function upstreamsByIdentity({ config, upstreams }: Services): Map<string, Upstream> {
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
  before: Services | undefined,
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
