import { type Aggregator, Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { QueryResult } from "../routing/classify.ts";
import type { Upstream, UpstreamObserver } from "../upstream/upstream.ts";
import type { Activity } from "./activity.ts";

const breakerValues = { closed: 0, "half-open": 1, open: 2 } as const;

/**
 * Metrics of upstreams. Gauges show only the upstreams of the current configuration: requests and probes of earlier ones still end
 * after a reload, and their result must not appear under a removed or reused name. Where several processes are shown as one, each
 * gauge is the worst value of all: the trouble of some clients must not be hidden by the success of others.
 */
export class UpstreamMetrics implements UpstreamObserver {
  /** Counts each request as well; undefined without a status page. */
  activity: Activity | undefined;
  readonly #requests: Counter<"upstream" | "outcome">;
  readonly #duration: Histogram<"upstream">;
  readonly #up: Gauge<"upstream">;
  readonly #breaker: Gauge<"upstream">;
  readonly #remaining: Gauge<"upstream">;
  #current: ReadonlySet<Upstream> = new Set();

  /** @param buckets of the durations, in seconds */
  constructor(prefix: string, buckets: number[], registers: Registry[]) {
    this.#requests = new Counter({
      name: `${prefix}upstream_requests_total`,
      help: "Requests to upstreams, by outcome: found (an answer for the client), not_found or failed.",
      labelNames: ["upstream", "outcome"],
      registers,
    });
    this.#duration = new Histogram({
      name: `${prefix}upstream_request_duration_seconds`,
      help: "From a request to an upstream to the headers of its answer, and to the end of its body if that is an error or a shared manifest.",
      labelNames: ["upstream"],
      buckets,
      registers,
    });
    const gauge = (name: string, aggregator: Aggregator, help: string) =>
      new Gauge({ name: prefix + name, help, labelNames: ["upstream"], registers, aggregator });
    this.#up = gauge("upstream_up", "min", "1 if the upstream answered the last time it was asked, else 0.");
    this.#breaker = gauge(
      "breaker_state",
      "max",
      "State of the circuit breaker: 0 closed, 1 half-open (a probe is under way), 2 open (lookups skip the upstream).",
    );
    this.#remaining = gauge(
      "ratelimit_remaining",
      "min",
      "Requests that the upstream still grants, as in its last RateLimit-Remaining (Docker Hub sends it).",
    );
  }

  show(upstreams: readonly Upstream[]): void {
    const before = this.#current;
    this.#current = new Set(upstreams);
    for (const upstream of before) {
      if (!this.#current.has(upstream)) {
        this.#up.remove(upstream.name);
        this.#breaker.remove(upstream.name);
        this.#remaining.remove(upstream.name);
      }
    }
    for (const upstream of upstreams) {
      this.breakerChanged(upstream);
    }
  }

  asked(upstream: Upstream, outcome: QueryResult, seconds: number, answered: boolean): void {
    const { name } = upstream;
    this.#duration.observe({ upstream: name }, seconds);
    this.#requests.inc({ upstream: name, outcome });
    this.activity?.asked(name, outcome);
    this.setUp(upstream, answered);
  }

  setUp(upstream: Upstream, answered: boolean): void {
    if (this.#current.has(upstream)) {
      this.#up.set({ upstream: upstream.name }, answered ? 1 : 0);
    }
  }

  granted(upstream: Upstream, remaining: number): void {
    if (this.#current.has(upstream)) {
      this.#remaining.set({ upstream: upstream.name }, remaining);
    }
  }

  breakerChanged(upstream: Upstream): void {
    if (this.#current.has(upstream)) {
      this.#breaker.set({ upstream: upstream.name }, breakerValues[upstream.state]);
    }
  }
}
