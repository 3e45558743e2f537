import { isUp, type Ping, type Pings } from "../upstream/pings.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Health of the upstreams. */
export interface Health {
  /** Status code of hosted's `/v2/`: 502 if it cannot be reached, 504 after a timeout. */
  readonly hosted: number;
  /** The same for the proxies: 200 if all answer 200, else the first other status code. */
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
  /** Whether its `/v2/` answers as expected, and its circuit is closed. */
  readonly up: boolean;
  /** State of its circuit breaker: lookups ask the upstream (`closed`), skip it after failures (`open`), or a probe is in flight (`half-open`). */
  readonly breaker: "closed" | "half-open" | "open";
  /** Status code of its `/v2/`: 502 if it cannot be reached, 504 after a timeout. */
  readonly status: number;
  /** Time to the answer, in milliseconds with one decimal. */
  readonly latency: number;
  /** Why there was no answer; absent if there was one. */
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
  const statuses = (kind: UpstreamHealth["kind"]) =>
    checked.filter((one) => one.kind === kind).map(({ status }) => status);
  const worst = (all: readonly number[]) => all.find((status) => status !== 200) ?? 200;
  return { proxy: worst(statuses("proxy")), hosted: worst(statuses("hosted")), upstreams: checked };
}

/**
 * Whether hosted answers: without proxies, there is still a private registry to serve. Proxies are not asked, since readiness
 * checks have short timeouts. Hosted's circuit does not count: only requests close it, and a router that is not ready gets none.
 */
export async function isReady({ upstreams, pings }: HealthContext): Promise<boolean> {
  const hosted = upstreams.filter(({ kind }) => kind === "hosted");
  const up = await Promise.all(hosted.map(async (one) => isUp(one, await pings.ping(one))));
  return up.every(Boolean);
}

function upstreamHealth(upstream: Upstream, ping: Ping): UpstreamHealth {
  const { name, kind, state } = upstream;
  return {
    name,
    kind,
    up: isUp(upstream, ping) && state === "closed",
    breaker: state,
    status: ping.status ?? (ping.failure?.kind === "timeout" ? 504 : 502),
    latency: Math.round(ping.latency * 10) / 10,
    ...(ping.failure !== undefined && { cause: ping.failure.cause }),
  };
}
