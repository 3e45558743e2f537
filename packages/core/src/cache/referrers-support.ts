import type { Member } from "../routing/ruling.ts";

/** Which upstreams have the referrers API. Expires, so that the router notices an upgraded registry without a restart. */
export class ReferrersSupport<M extends Member> {
  // Weak, so that an upstream that a reload has replaced can be collected.
  readonly #known = new WeakMap<M, { readonly has: boolean; readonly until: number }>();
  readonly #ttl: number;
  readonly #now: () => number;

  /** @param ttl milliseconds */
  constructor(ttl: number, now: () => number = () => performance.now()) {
    this.#ttl = ttl;
    this.#now = now;
  }

  learn(member: M, has: boolean): void {
    this.#known.set(member, { has, until: this.#now() + this.#ttl });
  }

  has(member: M): boolean | undefined {
    const known = this.#known.get(member);
    return known !== undefined && this.#now() < known.until ? known.has : undefined;
  }
}
