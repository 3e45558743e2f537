import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { PasswordHash } from "./file.ts";
import { putBounded } from "./put-bounded.ts";

/** Limits of the cache. */
export interface PasswordCacheOptions {
  /** Milliseconds after the last use. @default 300000 */
  readonly ttl?: number;
  /** Users. @default 10000 */
  readonly entries?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
  /** The secret key of the HMACs. @default a random one */
  readonly key?: Uint8Array;
}

interface CacheEntry {
  readonly hmac: Buffer;
  readonly until: number;
}

/**
 * Remembers correct passwords, since every request of a client sends its password again. Keeps an HMAC, under a key of this process
 * or of its pool of workers.
 */
export class PasswordCache {
  readonly #ttl: number;
  readonly #entries: number;
  readonly #now: () => number;
  readonly #key: Uint8Array;
  readonly #hmacs = new Map<string, CacheEntry>();

  constructor(options: PasswordCacheOptions = {}) {
    this.#key = options.key ?? randomBytes(32);
    this.#ttl = options.ttl ?? 300_000;
    this.#entries = options.entries ?? 10_000;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Covers the hash as well: when the file has another hash for the user, the cached password no longer matches. */
  hmacOf(user: string, password: string, hash: PasswordHash | undefined): Buffer {
    // NUL separates safely: names, hashes, and passwords from a header do not contain it.
    return createHmac("sha256", this.#key)
      .update(`${user}\0${password}\0${hash?.text ?? ""}`)
      .digest();
  }

  /** Whether the password was correct lately. If so, its time begins anew. */
  has(user: string, hmac: Buffer): boolean {
    const found = this.#hmacs.get(user);
    if (found === undefined || found.until <= this.#now() || !timingSafeEqual(found.hmac, hmac)) {
      return false;
    }
    this.add(user, hmac);
    return true;
  }

  /** Whether a password of the user is cached. */
  knows(user: string): boolean {
    return this.#hmacs.has(user);
  }

  add(user: string, hmac: Buffer): void {
    putBounded(this.#hmacs, user, { hmac: hmac, until: this.#now() + this.#ttl }, this.#entries);
  }
}
