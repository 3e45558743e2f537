import { LRUCache } from "lru-cache";
import { base, type InternalRequest, isRead } from "../request.ts";
import type { HealthSignal } from "./verdict.ts";

const mostLate = 8;
const mostForgotten = 1_000;

/**
 * What an upstream that is left out is tried with. `/v2/` would tell nothing about a cache's public registry.
 *
 * If it failed, any request will do, and another one each time is better: one image may fail for reasons of its own.
 *
 * If it was late, what was late has to be asked once more, each image in turn: what a cache has at hand tells nothing. As
 * long as all that was late is one image, though, another one is asked first. Hosted has everything at hand, or nothing.
 */
export class ProbeRequests {
  readonly #isHosted: boolean;
  readonly #clock: { now(): number };
  /** One request per image, the one to be asked next first. */
  readonly #late = new Map<string, InternalRequest>();
  /** The last request that failed otherwise, or found the upstream left out. */
  #other: InternalRequest | undefined;
  /** Images, and when each was last forgotten: requests that were under way then end later. */
  readonly #forgotten = new LRUCache<string, number>({ max: mostForgotten });
  #allForgotten = Number.NEGATIVE_INFINITY;

  constructor(kind: "hosted" | "proxy", clock: { now(): number }) {
    this.#isHosted = kind === "hosted";
    this.#clock = clock;
  }

  /**
   * A request had an outcome.
   * @param since when it was made
   */
  heard(asked: InternalRequest, verdict: HealthSignal, since: number): void {
    if (!isTelling(asked) || this.#wasForgotten(asked, since)) {
      return;
    }
    if (verdict === "late") {
      this.#putLast(asked);
    } else if (verdict === "failed") {
      this.#other = asked;
    }
  }

  /** A request found the upstream left out. */
  rejected(asked: InternalRequest, since: number): void {
    if (this.#wasForgotten(asked, since)) {
      return;
    }
    if (isTelling(asked)) {
      this.#other = asked;
    } else if (this.#isHosted) {
      // Pushes cannot be repeated. Where nothing else comes, hosted has to come back for them all the same.
      this.#other ??= base;
    }
  }

  /** What to ask next. */
  next(openedByTimeouts: boolean): InternalRequest {
    const other = this.#other;
    if (other !== undefined && (!openedByTimeouts || this.#mayAskInstead(other))) {
      this.#other = openedByTimeouts ? undefined : other;
      return other;
    }
    const [late] = this.#late.values();
    if (late !== undefined) {
      this.#putLast(late);
    }
    return late ?? other ?? base;
  }

  /** It is not to be tried with anything of this repository that was asked for until now; of no repository, if none is given. */
  forget(repository: string | undefined): void {
    if (repository === undefined) {
      this.#allForgotten = this.#clock.now();
      this.clear();
      return;
    }
    this.#forgotten.set(repository, this.#clock.now());
    this.#late.delete(repository);
    if (this.#other?.asked.repository === repository) {
      this.#other = undefined;
    }
  }

  /** The upstream is asked again. */
  clear(): void {
    this.#late.clear();
    this.#other = undefined;
  }

  #wasForgotten(asked: InternalRequest, since: number): boolean {
    return since <= Math.max(this.#allForgotten, this.#forgotten.get(nameOf(asked)) ?? this.#allForgotten);
  }

  #mayAskInstead(other: InternalRequest): boolean {
    const isOneImage = this.#late.size <= 1 && !this.#late.has(nameOf(other));
    return isOneImage || (this.#isHosted && other !== base);
  }

  #putLast(asked: InternalRequest): void {
    const name = nameOf(asked);
    this.#late.delete(name);
    this.#late.set(name, asked);
    const [oldest] = this.#late.keys();
    if (this.#late.size > mostLate && oldest !== undefined) {
      this.#late.delete(oldest);
    }
  }
}

/** The image that a request is about. */
export function nameOf({ asked: errand }: InternalRequest): string {
  return errand.repository ?? "";
}

/** What can be asked again, and takes no longer than it should. */
function isTelling({ asked: errand }: InternalRequest): boolean {
  return isRead(errand.method) && errand.list !== true;
}
