import { LRUCache } from "lru-cache";
import type { Member } from "../routing/ruling.ts";
import { atMost } from "./bounds.ts";
import type { VariantId } from "./inflight-manifests.ts";

const mostTags = 20_000;
const mostVariants = 8;

interface Variant {
  readonly variant: VariantId;
  /** `HEAD` if nothing is known about other methods. */
  readonly method: string;
}

interface Absence<M> extends Variant {
  readonly member: M;
  readonly until: number;
}

/**
 * Tags that an upstream has just reported as not found. Saves requests. The price: a tag that is pushed past the router appears
 * some seconds later.
 */
export class NegativeCache<M extends Member> {
  readonly #absences: LRUCache<string, readonly Absence<M>[]> | undefined;
  readonly #ttl: number;
  readonly #clock: { now(): number };

  /**
   * @param ttl milliseconds; 0 switches it off
   * @param clock monotonic milliseconds
   */
  constructor(ttl: number, clock: { now(): number } = performance) {
    this.#absences = ttl > 0 ? new LRUCache(atMost(mostTags)) : undefined;
    this.#ttl = ttl;
    this.#clock = clock;
  }

  /** A tag that is not found by GET is not found by HEAD either. */
  has(member: M, repository: string, tag: string, { variant, method }: Variant): boolean {
    const absences = this.#absences?.get(`${repository}:${tag}`);
    if (absences === undefined) {
      return false;
    }
    const now = this.#clock.now();
    return absences.some(
      (one) =>
        one.member === member &&
        one.variant === variant &&
        (one.method === "GET" || one.method === method) &&
        one.until > now,
    );
  }

  learn(member: M, repository: string, tag: string, { variant, method }: Variant): void {
    const key = `${repository}:${tag}`;
    const others = (this.#absences?.get(key) ?? []).filter(
      (one) => one.member !== member || one.variant !== variant || one.method !== method,
    );
    const absence = { member, variant, method, until: this.#clock.now() + this.#ttl };
    this.#absences?.set(key, [...others.slice(-(mostVariants - 1)), absence]);
  }

  forget(repository: string, tag: string): void {
    this.#absences?.delete(`${repository}:${tag}`);
  }
}
