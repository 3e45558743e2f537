import { LRUCache } from "lru-cache";
import type { Member } from "./member.ts";
import type { Wish } from "./wishes.ts";

// Tags, and ways to ask for one of them.
const mostTags = 20_000;
const mostWays = 8;

/** Somebody has not got a tag, if it is asked for in this way. */
interface Absence<M> {
  readonly member: M;
  readonly wish: Wish;
  /** By the clock. */
  readonly until: number;
}

/**
 * Which tags somebody has just said that it has not got. It spares a question, and costs whoever puts a tag there without the
 * router's knowledge some seconds.
 */
export class AbsenceMemory<M extends Member> {
  readonly #absences: LRUCache<string, readonly Absence<M>[]> | undefined;
  readonly #ttl: number;
  readonly #clock: { now(): number };

  /**
   * @param ttl milliseconds; 0 switches it off
   * @param clock milliseconds that go on evenly
   */
  constructor(ttl: number, clock: { now(): number } = performance) {
    this.#absences = ttl > 0 ? new LRUCache({ max: mostTags }) : undefined;
    this.#ttl = ttl;
    this.#clock = clock;
  }

  /** Whether a member need not be asked. */
  has(member: M, repository: string, tag: string, wish: Wish): boolean {
    const now = this.#clock.now();
    const known = this.#absences?.get(`${repository}:${tag}`);
    return known?.some((one) => one.member === member && one.wish === wish && one.until > now) === true;
  }

  /** A member said so. */
  learn(member: M, repository: string, tag: string, wish: Wish): void {
    const key = `${repository}:${tag}`;
    const others =
      this.#absences?.get(key)?.filter((one) => one.member !== member || one.wish !== wish) ?? [];
    const latest = others.slice(-(mostWays - 1));
    this.#absences?.set(key, [...latest, { member, wish, until: this.#clock.now() + this.#ttl }]);
  }

  /** The tag was pushed. */
  forget(repository: string, tag: string): void {
    this.#absences?.delete(`${repository}:${tag}`);
  }
}
