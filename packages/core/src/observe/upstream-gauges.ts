import { Gauge, type Registry } from "prom-client";

/** What is shown of an upstream. */
export interface ShownUpstream {
  readonly name: string;
  /** Of its breaker. */
  readonly state: "closed" | "half-open" | "open";
}

const breakerValues = { closed: 0, "half-open": 1, open: 2 } as const;

/**
 * How the upstreams are that are there now. After a reload, requests and trials of those before it still end; what they find
 * out must not be shown under a name that is gone, or is another one's. Where several processes are shown as one, each of these
 * is the worst that one of them says: what some clients meet must not be hidden by what others do.
 */
export class UpstreamGauges {
  readonly #up: Gauge<"upstream">;
  readonly #breaker: Gauge<"upstream">;
  readonly #remaining: Gauge<"upstream">;
  #current: ReadonlySet<ShownUpstream> = new Set();

  constructor(prefix: string, registers: Registry[]) {
    this.#up = new Gauge({
      name: `${prefix}upstream_up`,
      help: "1 if the upstream answered the last time it was asked, else 0.",
      labelNames: ["upstream"],
      registers,
      aggregator: "min",
    });
    this.#breaker = new Gauge({
      name: `${prefix}breaker_state`,
      help: "State of the circuit breaker: 0 closed, 1 half-open (a probe is under way), 2 open (lookups skip the upstream).",
      labelNames: ["upstream"],
      registers,
      aggregator: "max",
    });
    this.#remaining = new Gauge({
      name: `${prefix}ratelimit_remaining`,
      help: "Requests that the upstream still grants, as in its last RateLimit-Remaining (Docker Hub sends it).",
      labelNames: ["upstream"],
      registers,
      aggregator: "min",
    });
  }

  /** From now on, these are there, and no others. */
  show(upstreams: readonly ShownUpstream[]): void {
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

  /** Whether an upstream answered when it was asked. */
  asked(upstream: ShownUpstream, answered: boolean): void {
    if (this.#current.has(upstream)) {
      this.#up.set({ upstream: upstream.name }, answered ? 1 : 0);
    }
  }

  /** How many more requests an upstream says that it grants. */
  granted(upstream: ShownUpstream, remaining: number): void {
    if (this.#current.has(upstream)) {
      this.#remaining.set({ upstream: upstream.name }, remaining);
    }
  }

  /** An upstream's breaker is in another state. */
  breakerChanged(upstream: ShownUpstream): void {
    if (this.#current.has(upstream)) {
      this.#breaker.set({ upstream: upstream.name }, breakerValues[upstream.state]);
    }
  }
}
