import type { RouterContext } from "./router-context.ts";

interface Generation {
  readonly context: RouterContext;
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

  constructor(context: RouterContext) {
    this.#current = { context, requests: 0 };
  }

  get current(): RouterContext {
    return this.#current.context;
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

  replace(context: RouterContext): void {
    const before = this.#current;
    before.context.ended.abort();
    this.#current = { context, requests: 0 };
    if (before.requests > 0) {
      this.#past.add(before);
    } else {
      this.#closeUnused(before);
    }
  }

  idle(): Promise<void> {
    return this.#isIdle() ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  close(): void {
    for (const { context } of [this.#current, ...this.#past]) {
      context.ended.abort();
      for (const upstream of context.upstreams) {
        upstream.close();
      }
    }
  }

  #isIdle(): boolean {
    return this.#current.requests === 0 && this.#past.size === 0;
  }

  #closeUnused({ context }: Generation): void {
    const used = [this.#current, ...this.#past].flatMap((generation) => generation.context.upstreams);
    for (const upstream of context.upstreams) {
      if (!used.includes(upstream)) {
        upstream.close();
      }
    }
  }
}
