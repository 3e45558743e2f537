import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { PasswordHash } from "./file.ts";
import { putBounded } from "./put-bounded.ts";

/** How long and how much is remembered. */
export interface PasswordCacheOptions {
  /** Milliseconds after the last use. @default 300000 */
  readonly ttl?: number;
  /** Users. @default 10000 */
  readonly entries?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
  /** A secret that marks are made with. @default one that nobody else has */
  readonly key?: Uint8Array;
}

interface CacheEntry {
  readonly mark: Buffer;
  readonly until: number;
}

/**
 * Remembers right passwords, as every request of a client brings its password again. What is kept is a mark:
 * a hash under a key of this process, or of those that share its port.
 */
export class PasswordCache {
  readonly #ttl: number;
  readonly #entries: number;
  readonly #now: () => number;
  readonly #key: Uint8Array;
  readonly #marks = new Map<string, CacheEntry>();

  constructor(options: PasswordCacheOptions = {}) {
    this.#key = options.key ?? randomBytes(32);
    this.#ttl = options.ttl ?? 300_000;
    this.#entries = options.entries ?? 10_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * The mark of a password that is checked against a hash. It is made of the hash as well: where the file has
   * another one now, nothing that is remembered fits any more.
   */
  markOf(user: string, password: string, hash: PasswordHash | undefined): Buffer {
    // Neither names nor hashes nor, as they come from a header, passwords contain NUL.
    return createHmac("sha256", this.#key)
      .update(`${user}\0${password}\0${hash?.text ?? ""}`)
      .digest();
  }

  /** Whether it was right lately. Then it will be remembered for another while. */
  has(user: string, mark: Buffer): boolean {
    const found = this.#marks.get(user);
    if (found === undefined || found.until <= this.#now() || !timingSafeEqual(found.mark, mark)) {
      return false;
    }
    this.add(user, mark);
    return true;
  }

  /** Whether there is anything to guess at. */
  knows(user: string): boolean {
    return this.#marks.has(user);
  }

  add(user: string, mark: Buffer): void {
    putBounded(this.#marks, user, { mark, until: this.#now() + this.#ttl }, this.#entries);
  }
}
