import { createHash } from "node:crypto";
import { putBounded } from "./put-bounded.ts";

/** How wrong passwords are counted. */
export interface FailureBackoffOptions {
  /** Networks. @default 10000 */
  readonly entries?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

interface Tally {
  /** Of the last minute. */
  recent: { readonly user: string; readonly at: number }[];
  /** Whose wrong passwords have doubled the delay, in turn. */
  doubledBy: string[];
  /** When the next password may come. */
  until: number;
  warned: number;
}

const minute = 60_000;
/** So many in a minute are mistakes, or a script with an old password. */
const tolerated = 10;
const longestDelay = 60_000;
/** 1, 2, 4, 8, 16, 32, 60 s. */
const delays = 7;

/**
 * Wrong passwords of each network. After ten within a minute the next one has to wait a second, and with
 * each further wrong one twice as long, up to a minute. Every minute without one halves the delay again.
 */
export class FailureBackoff {
  readonly #entries: number;
  readonly #now: () => number;
  readonly #tallies = new Map<string, Tally>();

  constructor(options: FailureBackoffOptions = {}) {
    this.#entries = options.entries ?? 10_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Milliseconds until a network may try again; 0 if it may now. */
  wait(network: string): number {
    return Math.max(0, (this.#tallies.get(network)?.until ?? 0) - this.#now());
  }

  /** Counts a wrong password. @returns whether it is time to warn of this network, once a minute at most */
  wrong(network: string, user: string): boolean {
    const now = this.#now();
    const tally = this.#tallyOf(network);
    const by = digestOf(user);
    const quietMinutes = Math.max(0, Math.floor((now - tally.until) / minute));
    const doubledBy = tally.doubledBy.slice(quietMinutes);
    tally.recent = [...tally.recent.filter(({ at }) => at > now - minute), { user: by, at: now }].slice(
      -tolerated,
    );
    tally.doubledBy = doubledBy;
    if (doubledBy.length > 0 || tally.recent.length === tolerated) {
      tally.doubledBy = [...doubledBy, by].slice(-delays);
      tally.until = now + Math.min(longestDelay, 1000 * 2 ** (tally.doubledBy.length - 1));
    }
    const warn = tally.warned <= now - minute;
    tally.warned = warn ? now : tally.warned;
    return warn;
  }

  /** Forgives a user who knew the password in the end. What others got wrong counts on. */
  right(network: string, user: string): void {
    const tally = this.#tallies.get(network);
    if (tally !== undefined) {
      const by = digestOf(user);
      tally.recent = tally.recent.filter((failure) => failure.user !== by);
      tally.doubledBy = tally.doubledBy.filter((other) => other !== by);
      tally.until = tally.doubledBy.length === 0 ? 0 : tally.until;
    }
  }

  #tallyOf(network: string): Tally {
    const found = this.#tallies.get(network);
    const tally = found ?? { recent: [], doubledBy: [], until: 0, warned: Number.NEGATIVE_INFINITY };
    putBounded(this.#tallies, network, tally, this.#entries);
    return tally;
  }
}

/** A name is as long as its sender likes. */
function digestOf(user: string): string {
  return createHash("sha256").update(user).digest("base64");
}
