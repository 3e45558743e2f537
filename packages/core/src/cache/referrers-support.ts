import type { Member } from "../routing/ruling.ts";

/**
 * Which upstreams have the referrers API, as their answers told. Forgotten after a while: a registry that has been given the
 * API is noticed without a restart.
 */
export class ReferrersSupport<M extends Member> {
  // Weak: what is known of an upstream must not keep it alive when a reload has done away with it.
  readonly #known = new WeakMap<M, { readonly has: boolean; readonly until: number }>();
  readonly #ttl: number;
  readonly #now: () => number;

  /** @param ttl milliseconds that an answer counts for */
  constructor(ttl: number, now: () => number = () => performance.now()) {
    this.#ttl = ttl;
    this.#now = now;
  }

  learn(member: M, has: boolean): void {
    this.#known.set(member, { has, until: this.#now() + this.#ttl });
  }

  /** Undefined if it is not known, or not any more. */
  has(member: M): boolean | undefined {
    const known = this.#known.get(member);
    return known !== undefined && this.#now() < known.until ? known.has : undefined;
  }
}
