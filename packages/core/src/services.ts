import type { CompleteConfig } from "./config/complete.ts";
import { Metrics } from "./observe/metrics.ts";
import { HolderMemory } from "./routing/holder-memory.ts";
import { defaultPolicy, type Policy } from "./routing/plan.ts";
import { Pings } from "./upstream/pings.ts";
import { Upstream } from "./upstream/upstream.ts";

/** What lives as long as the handler and is shared by its requests. */
export interface Services {
  readonly config: CompleteConfig;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly Upstream[];
  readonly policy: Policy<Upstream>;
  readonly memory: HolderMemory<Upstream>;
  readonly pings: Pings;
  readonly metrics: Metrics;
}

/** Sets up everything that a configuration asks for; opens no connection. */
export function createServices(config: CompleteConfig): Services {
  const metrics = new Metrics(config.metrics);
  const context = { via: config.via, clientIdle: config.limits.clientIdle };
  const hosted = new Upstream(config.hosted, context);
  const proxies = config.proxies.map((proxy) => new Upstream(proxy, context));
  return {
    config,
    metrics,
    upstreams: [hosted, ...proxies],
    policy: defaultPolicy(hosted, proxies, config.lists),
    memory: new HolderMemory(config.memory),
    pings: new Pings((upstream, { status }) =>
      metrics.upstreamUp.set({ upstream: upstream.name }, status === undefined ? 0 : 1),
    ),
  };
}
