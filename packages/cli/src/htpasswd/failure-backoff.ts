import { createHash } from "node:crypto";
import { putBounded } from "./put-bounded.ts";

export interface FailureBackoffOptions {
  /** Networks. @default 10000 */
  readonly entries?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

interface Tally {
  /** Failures of the last minute. */
  recent: { readonly user: string; readonly at: number }[];
  /** For each doubling of the delay, the user whose password was wrong. */
  doubledBy: string[];
  /** When the next password may be checked. */
  until: number;
  warned: number;
}

const minute = 60_000;
/** Fewer in a minute are mistakes, or a script with an old password. */
const tolerated = 10;
const longestDelay = 60_000;
/** 1, 2, 4, 8, 16, 32, 60 s. */
const delays = 7;

/**
 * Exponential backoff for each network. After ten wrong passwords within a minute, the network waits one second. Each further wrong
 * password doubles the delay, up to a minute. Each minute without one halves it again.
 */
export class FailureBackoff {
  readonly #entries: number;
  readonly #now: () => number;
  readonly #tallies = new Map<string, Tally>();

  constructor(options: FailureBackoffOptions = {}) {
    this.#entries = options.entries ?? 10_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Milliseconds until a network may try again, or 0. */
  wait(network: string): number {
    return Math.max(0, (this.#tallies.get(network)?.until ?? 0) - this.#now());
  }

  /** Counts a wrong password. @returns whether to log a warning about this network: at most once a minute */
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

  /** Forgets the wrong passwords of a user who then sent the correct one. Those of other users stay counted. */
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

/** Bounds the memory: the client chooses the length of the name. */
function digestOf(user: string): string {
  return createHash("sha256").update(user).digest("base64");
}
