import type { Services } from "./services.ts";

/** One configuration, with the number of requests that it serves. */
export interface Generation {
  readonly services: Services;
  requests: number;
}

/**
 * The current configuration, and earlier ones that still serve requests. The connections of an upstream are closed when no
 * generation in use has it any more.
 */
export class Generations {
  #current: Generation;
  readonly #past = new Set<Generation>();
  #whenIdle: (() => void)[] = [];

  constructor(services: Services) {
    this.#current = { services, requests: 0 };
  }

  /** The configuration of new requests. */
  get current(): Services {
    return this.#current.services;
  }

  /** Counts a request that begins; `leave` has to be called with the result when it has ended. */
  enter(): Generation {
    this.#current.requests += 1;
    return this.#current;
  }

  leave(generation: Generation): void {
    generation.requests -= 1;
    if (generation.requests > 0) {
      return;
    }
    if (this.#past.delete(generation)) {
      this.#closeUnused(generation);
    }
    if (this.#isIdle()) {
      for (const resolve of this.#whenIdle.splice(0)) {
        resolve();
      }
    }
  }

  /** New requests use these services; requests in flight keep theirs. */
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

  /** Resolves when no request is in flight. */
  idle(): Promise<void> {
    return this.#isIdle() ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve));
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

  #isIdle(): boolean {
    return this.#current.requests === 0 && this.#past.size === 0;
  }

  #closeUnused({ services }: Generation): void {
    const used = [this.#current, ...this.#past].flatMap((generation) => generation.services.upstreams);
    for (const upstream of services.upstreams) {
      if (!used.includes(upstream)) {
        upstream.close();
      }
    }
  }
}
