/** How guesses are limited. */
export interface GuessesOptions {
  /** Whether they are. @default true */
  readonly throttle?: boolean;
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
 * let in only as long as few others come for that user from the same network. One old password, however
 * often a forgotten machine sends it, is one guess.
 */
export class Guesses {
  readonly #throttle: boolean;
  readonly #entries: number;
  readonly #now: () => number;
  readonly #guessed = new Map<string, Guessed>();

  constructor(options: GuessesOptions = {}) {
    this.#throttle = options.throttle ?? true;
    this.#entries = options.entries ?? 10_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Whether so many different ones have come that a right one may be just another guess. */
  tooMany(network: string, user: string): boolean {
    const found = this.#find(keyOf(network, user));
    return this.#throttle && found !== undefined && found.marks.size >= tolerated;
  }

  /** @param mark what tells this password from others */
  add(network: string, user: string, mark: string): void {
    const key = keyOf(network, user);
    const marks = this.#find(key)?.marks ?? new Set();
    if (marks.has(mark)) {
      return;
    }
    if (marks.size < tolerated) {
      marks.add(mark);
    }
    this.#guessed.delete(key);
    this.#guessed.set(key, { marks, until: this.#now() + minute });
    if (this.#guessed.size > this.#entries) {
      const [oldest] = this.#guessed.keys();
      this.#guessed.delete(oldest ?? key);
    }
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
