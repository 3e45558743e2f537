import { putBounded } from "./put-bounded.ts";

/** How guesses are limited. */
export interface GuessLimiterOptions {
  /** Users, once for each network that guesses at them. @default 10000 */
  readonly entries?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

interface Guessed {
  readonly marks: Set<string>;
  readonly until: number;
}

const minute = 60_000;
const tolerated = 10;

/**
 * Passwords that were refused unchecked, of users whose right one is remembered. That one is let in even
 * where others have to wait: whoever has to wait could try thousands a second until one is let in. So it is
 * let in only from where that user has been before, or where few others have come for that user. One old
 * password, however often a forgotten machine sends it, is one guess.
 */
export class GuessLimiter {
  readonly #entries: number;
  readonly #now: () => number;
  readonly #guessed = new Map<string, Guessed>();
  readonly #homes = new Map<string, true>();

  constructor(options: GuessLimiterOptions = {}) {
    this.#entries = options.entries ?? 10_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Whether a user's remembered password may come from a network without a check: not if it may be just another
   * guess. Where the user was before, it may in any case, or guesses of neighbours would lock the user out.
   */
  trusts(network: string, user: string): boolean {
    const key = keyOf(network, user);
    const trusted = this.#homes.has(key) || (this.#find(key)?.marks.size ?? 0) < tolerated;
    if (trusted) {
      putBounded(this.#homes, key, true, this.#entries);
    }
    return trusted;
  }

  /** The user's right password was found to have come from there. */
  right(network: string, user: string): void {
    putBounded(this.#homes, keyOf(network, user), true, this.#entries);
  }

  /**
   * @param mark what tells this password from others
   * @returns whether it counts: not if it is known, or too many others are
   */
  add(network: string, user: string, mark: string): boolean {
    const key = keyOf(network, user);
    const marks = this.#find(key)?.marks ?? new Set();
    if (marks.has(mark)) {
      return false;
    }
    const counts = marks.size < tolerated;
    if (counts) {
      marks.add(mark);
    }
    putBounded(this.#guessed, key, { marks, until: this.#now() + minute }, this.#entries);
    return counts;
  }

  #find(key: string): Guessed | undefined {
    const found = this.#guessed.get(key);
    return found !== undefined && found.until > this.#now() ? found : undefined;
  }
}

/** A network has no space in it. */
function keyOf(network: string, user: string): string {
  return `${network} ${user}`;
}
