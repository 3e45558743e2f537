import type { CompleteConfig, CompleteUpstream } from "./config/complete.ts";
import { breakerValues, Metrics } from "./observe/metrics.ts";
import { TrustedAddresses } from "./protocol/trusted-addresses.ts";
import { HolderMemory } from "./routing/holder-memory.ts";
import { Policy } from "./routing/policy.ts";
import { ReferrersApis } from "./routing/referrers-apis.ts";
import { Turns } from "./routing/turns.ts";
import { Pings } from "./upstream/pings.ts";
import { Upstream, type UpstreamContext } from "./upstream/upstream.ts";

/** What requests share as long as one configuration lasts. */
export interface Services {
  readonly config: CompleteConfig;
  readonly trusted: TrustedAddresses;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly Upstream[];
  readonly policy: Policy<Upstream>;
  readonly memory: HolderMemory<Upstream>;
  /** Who has the referrers API. */
  readonly referrersApis: ReferrersApis<Upstream>;
  /** Those who write an index of referrers. */
  readonly referrersTurns: Turns;
  readonly pings: Pings;
  readonly metrics: Metrics;
}

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
  const context: UpstreamContext = {
    via: config.via,
    clientIdle: config.limits.clientIdle,
    breakerChanged: (upstream, state) => metrics.breaker.set({ upstream }, breakerValues[state]),
  };
  const kept = before === undefined ? new Map<string, Upstream>() : upstreamsByIdentity(before);
  const upstreamFor = (one: CompleteUpstream) =>
    kept.get(identity(one, config)) ?? new Upstream(one, context);
  const hosted = upstreamFor(config.hosted);
  const proxies = config.proxies.map(upstreamFor);
  const upstreams = [hosted, ...proxies];
  for (const { name, state } of upstreams) {
    metrics.breaker.set({ upstream: name }, breakerValues[state]);
  }
  return {
    config,
    metrics,
    upstreams,
    trusted: new TrustedAddresses(config.trustProxy),
    policy: new Policy({ hosted, proxies, rules: config.rules }),
    memory: memoryToKeep(config, upstreams, before) ?? new HolderMemory(config.memory),
    referrersApis: before?.referrersApis ?? new ReferrersApis(referrersApiTtl),
    referrersTurns: before?.referrersTurns ?? new Turns(),
    pings:
      before?.pings ??
      new Pings((upstream, { status }) =>
        metrics.upstreamUp.set({ upstream: upstream.name }, status === undefined ? 0 : 1),
      ),
  };
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
): HolderMemory<Upstream> | undefined {
  const same =
    before?.config.memory.entries === memory.entries &&
    before.config.memory.ttl === memory.ttl &&
    // Memory must not keep an upstream alive that is there no more.
    before.upstreams.every((upstream) => upstreams.includes(upstream));
  return same ? before.memory : undefined;
}
