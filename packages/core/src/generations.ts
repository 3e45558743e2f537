import type { Services } from "./services.ts";

/** A configuration at work, with the requests that go by it. */
export interface Generation {
  readonly services: Services;
  requests: number;
}

/**
 * The configuration that new requests go by, and those before it that some request still goes by. An upstream's
 * connections are closed when nobody can need them any more.
 */
export class Generations {
  #current: Generation;
  readonly #past = new Set<Generation>();

  constructor(services: Services) {
    this.#current = { services, requests: 0 };
  }

  /** What new requests go by. */
  get current(): Services {
    return this.#current.services;
  }

  /** A request begins. */
  enter(): Generation {
    this.#current.requests += 1;
    return this.#current;
  }

  /** A request has ended. */
  leave(generation: Generation): void {
    generation.requests -= 1;
    if (generation.requests === 0 && this.#past.delete(generation)) {
      this.#closeUnused(generation);
    }
  }

  /** From now on, new requests go by these. */
  replace(services: Services): void {
    const before = this.#current;
    before.services.ended.abort();
    this.#current = { services, requests: 0 };
    if (before.requests > 0) {
      this.#past.add(before);
    } else {
      this.#closeUnused(before);
    }
  }

  /** Closes every connection to upstreams. */
  close(): void {
    for (const { services } of [this.#current, ...this.#past]) {
      services.ended.abort();
      for (const upstream of services.upstreams) {
        upstream.close();
      }
    }
  }

  #closeUnused({ services }: Generation): void {
    const alive = [this.#current, ...this.#past];
    for (const upstream of services.upstreams) {
      if (!alive.some((generation) => generation.services.upstreams.includes(upstream))) {
        upstream.close();
      }
    }
  }
}
