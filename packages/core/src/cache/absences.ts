import { LRUCache } from "lru-cache";
import type { Member } from "../routing/ruling.ts";
import { atMost } from "./bounds.ts";
import type { VariantId } from "./inflight-manifests.ts";

// Tags, and ways to ask for one of them.
const mostTags = 20_000;
const mostWays = 8;

/** A way to ask for a tag. */
export interface Variant {
  readonly variant: VariantId;
  /** `HEAD` if what is known says nothing of other methods. */
  readonly method: string;
}

/** Somebody has not got a tag, if it is asked for in this way. */
interface Absence<M> extends Variant {
  readonly member: M;
  /** By the clock. */
  readonly until: number;
}

/**
 * Which tags somebody has just said that it has not got. It spares a question, and costs whoever puts a tag there without the
 * router's knowledge some seconds.
 */
export class NegativeCache<M extends Member> {
  readonly #absences: LRUCache<string, readonly Absence<M>[]> | undefined;
  readonly #ttl: number;
  readonly #clock: { now(): number };

  /**
   * @param ttl milliseconds; 0 switches it off
   * @param clock milliseconds that go on evenly
   */
  constructor(ttl: number, clock: { now(): number } = performance) {
    this.#absences = ttl > 0 ? new LRUCache(atMost(mostTags)) : undefined;
    this.#ttl = ttl;
    this.#clock = clock;
  }

  /** Whether a member need not be asked: what is not there for GET is not there for HEAD. */
  has(member: M, repository: string, tag: string, { variant: wish, method }: Variant): boolean {
    const known = this.#absences?.get(`${repository}:${tag}`);
    if (known === undefined) {
      return false;
    }
    const now = this.#clock.now();
    return known.some(
      (one) =>
        one.member === member &&
        one.variant === wish &&
        (one.method === "GET" || one.method === method) &&
        one.until > now,
    );
  }

  /** A member said so. */
  learn(member: M, repository: string, tag: string, { variant: wish, method }: Variant): void {
    const key = `${repository}:${tag}`;
    const others =
      this.#absences
        ?.get(key)
        ?.filter((one) => one.member !== member || one.variant !== wish || one.method !== method) ?? [];
    const latest = others.slice(-(mostWays - 1));
    this.#absences?.set(key, [
      ...latest,
      { member, variant: wish, method, until: this.#clock.now() + this.#ttl },
    ]);
  }

  /** The tag was pushed. */
  forget(repository: string, tag: string): void {
    this.#absences?.delete(`${repository}:${tag}`);
  }
}
