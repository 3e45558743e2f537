import { isUp, type Ping, type Pings } from "../upstream/pings.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Health of the upstreams. */
export interface Health {
  /** 200 if hosted can be used, else the status code of its `/v2/`: 502 if it cannot be reached or is no registry, 504 after a timeout. */
  readonly hosted: number;
  /** The same for the proxies: 200 if all can be used, else the status code of the first that cannot. */
  readonly proxy: number;
  /** Hosted first, then the proxies in order. */
  readonly upstreams: readonly UpstreamHealth[];
}

/** Health of one upstream. */
export interface UpstreamHealth {
  /** Its `name` in the configuration. */
  readonly name: string;
  /** Whether it is the private registry or a proxy. */
  readonly kind: "hosted" | "proxy";
  /**
   * Whether it can be used: its `/v2/` shows a registry that does not refuse the router, and its circuit is closed. A public registry
   * that asks for a token there (401) can be used.
   */
  readonly up: boolean;
  /** State of its circuit breaker: lookups ask the upstream (`closed`), skip it after failures (`open`), or a probe is in flight (`half-open`). */
  readonly breaker: "closed" | "half-open" | "open";
  /** Status code of its `/v2/`: 502 if it cannot be reached, 504 after a timeout. */
  readonly status: number;
  /** Time to the answer, in milliseconds with one decimal. */
  readonly latency: number;
  /** Why it cannot be used; absent if its answer shows that it can. */
  readonly cause?: string;
}

export interface HealthContext {
  readonly upstreams: readonly Upstream[];
  readonly pings: Pings;
}

/** Asks every upstream for its `/v2/`, and probes open circuits if a probe is due. Never rejects. */
export async function checkHealth({ upstreams, pings }: HealthContext): Promise<Health> {
  const checked = await Promise.all(
    upstreams.map(async (upstream) => {
      // Without clients, no request would probe, and monitoring would see an open circuit forever.
      upstream.probeIfDue();
      return upstreamHealth(upstream, await pings.ping(upstream));
    }),
  );
  const worst = (kind: UpstreamHealth["kind"]) => {
    const down = checked.find((one) => one.kind === kind && one.cause !== undefined);
    return down === undefined ? 200 : down.status < 300 ? 502 : down.status;
  };
  return { proxy: worst("proxy"), hosted: worst("hosted"), upstreams: checked };
}

/**
 * Whether hosted answers: without proxies, there is still a private registry to serve. Proxies are not asked, since readiness
 * checks have short timeouts. Hosted's circuit does not count: only requests close it, and a router that is not ready gets none.
 */
export async function isReady({ upstreams, pings }: HealthContext): Promise<boolean> {
  const hosted = upstreams.filter(({ kind }) => kind === "hosted");
  const up = await Promise.all(hosted.map(async (one) => isUp(await pings.ping(one))));
  return up.every(Boolean);
}

function upstreamHealth(upstream: Upstream, ping: Ping): UpstreamHealth {
  const { name, kind, state } = upstream;
  return {
    name,
    kind,
    up: isUp(ping) && state === "closed",
    breaker: state,
    status: ping.status ?? (ping.failure?.kind === "timeout" ? 504 : 502),
    latency: Math.round(ping.latency * 10) / 10,
    ...(ping.objection !== undefined && { cause: ping.objection }),
  };
}
