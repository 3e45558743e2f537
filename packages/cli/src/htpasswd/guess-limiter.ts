import { putBounded } from "./put-bounded.ts";

export interface GuessLimiterOptions {
  /** Pairs of user and network. @default 10000 */
  readonly entries?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

interface RecentGuesses {
  readonly hmacs: Set<string>;
  readonly until: number;
}

const minute = 60_000;
const tolerated = 10;

/**
 * Limits guesses at cached passwords. A cached password is accepted without a check even from a network that has to wait. An attacker
 * there could therefore try thousands of passwords a second until one is accepted. So the cached password is accepted only from a
 * network where that user has logged in before, or from which fewer than ten other passwords for that user came. The same wrong
 * password counts as one guess, however often a forgotten machine sends it.
 */
export class GuessLimiter {
  readonly #entries: number;
  readonly #now: () => number;
  readonly #guesses = new Map<string, RecentGuesses>();
  readonly #trusted = new Map<string, true>();

  constructor(options: GuessLimiterOptions = {}) {
    this.#entries = options.entries ?? 10_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * Whether a user's cached password is accepted from a network without a check. From a network where the user has logged in before
   * it always is: otherwise guesses from the same network would lock the user out.
   */
  trusts(network: string, user: string): boolean {
    const key = keyOf(network, user);
    const trusted = this.#trusted.has(key) || (this.#find(key)?.hmacs.size ?? 0) < tolerated;
    if (trusted) {
      putBounded(this.#trusted, key, true, this.#entries);
    }
    return trusted;
  }

  /** The user has logged in from the network. */
  right(network: string, user: string): void {
    putBounded(this.#trusted, keyOf(network, user), true, this.#entries);
  }

  /** @returns whether the guess counts: not if it is known already, or there are too many */
  add(network: string, user: string, hmac: string): boolean {
    const key = keyOf(network, user);
    const hmacs = this.#find(key)?.hmacs ?? new Set();
    if (hmacs.has(hmac)) {
      return false;
    }
    const counts = hmacs.size < tolerated;
    if (counts) {
      hmacs.add(hmac);
    }
    putBounded(this.#guesses, key, { hmacs, until: this.#now() + minute }, this.#entries);
    return counts;
  }

  #find(key: string): RecentGuesses | undefined {
    const found = this.#guesses.get(key);
    return found !== undefined && found.until > this.#now() ? found : undefined;
  }
}

/** A space separates safely: a network contains none. */
function keyOf(network: string, user: string): string {
  return `${network} ${user}`;
}
