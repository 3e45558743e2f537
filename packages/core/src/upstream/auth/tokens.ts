import { LRUCache } from "lru-cache";
import type { CredentialsConfig } from "../../config/upstream-options.ts";
import { UpstreamFailure } from "../../errors.ts";
import { type Scope, widened } from "../../protocol/token-scope.ts";

export interface TokenSource {
  readonly realm: URL;
  readonly service: string | undefined;
  /** The router's user. Without one, tokens are anonymous. */
  readonly user: CredentialsConfig | undefined;
}

/** @throws UpstreamFailure if the token endpoint fails */
export type RequestToken = (source: TokenSource, scope: Scope) => Promise<Token | Denial>;

export interface Token {
  readonly value: string;
  /** Milliseconds until it expires. */
  readonly lifetime: number;
}

/** The endpoint gives no token for a scope. */
export interface Denial {
  /** 4xx */
  readonly denied: number;
}

interface Entry {
  /** `Bearer ...`; undefined if it was denied. Rejects with an UpstreamFailure. */
  readonly pending: Promise<string | undefined>;
  /** What `pending` was fulfilled with, so that the hot path makes no promise. */
  readonly header: string | undefined;
  /** `performance.now()` when `pending` was fulfilled; undefined before. */
  readonly since: number | undefined;
  wasAccepted: boolean;
  /** The upstream rejected this token when it was fresh: another one would not do better. */
  wasRefused: boolean;
  hasFailed: boolean;
}

const mostTokens = 1_000;
// Characters, of all tokens. One with many scopes has a few KiB.
const mostText = 8 * 1024 * 1024;
// Milliseconds without a request after the endpoint failed: many clients must not hammer an endpoint that is in trouble.
const afterFailure = 1_000;
// Milliseconds that a refusal stays known: what is not permitted, or not there, may be soon.
const refusalStands = 10_000;
// 400 answers a form with an unknown user (RFC 6749 5.2).
const userRefused = [400, 401, 403];
// Milliseconds. For clocks that differ, and for the time that a request takes.
const longestMargin = 30_000;

/** The tokens of one upstream, one per scope. Concurrent requests share one fetch. */
export class Tokens {
  readonly #source: TokenSource;
  readonly #request: RequestToken;
  readonly #entries = new LRUCache<string, Entry>({
    max: mostTokens,
    maxSize: mostText,
    // The clock of `since`.
    perf: { now: () => performance.now() },
    sizeCalculation: ({ header = "" }, key) => key.length + header.length + 1,
  });
  /** Scopes by key for which the upstream wants more than the specification says. */
  readonly #widened = new LRUCache<string, Scope>({ max: mostTokens });

  constructor(source: TokenSource, request: RequestToken) {
    this.#source = source;
    this.#request = request;
  }

  areFor(realm: URL, service: string | undefined): boolean {
    return this.#source.realm.href === realm.href && this.#source.service === service;
  }

  /**
   * `Bearer ...`; undefined if the endpoint denies a token for the scope.
   * @throws UpstreamFailure if it fails, or refuses the router's user
   */
  header(scope: Scope): string | undefined | Promise<string | undefined> {
    const key = keyOf(scope);
    const entry = this.#entries.get(key) ?? this.#fetch(key, scope);
    return entry.header ?? entry.pending;
  }

  /** Whether the endpoint has failed for a scope within `afterFailure`. */
  hasFailed(scope: Scope): boolean {
    return this.#entries.peek(keyOf(scope))?.hasFailed === true;
  }

  markAccepted(scope: Scope, sent: string | undefined): void {
    const entry = this.#entries.peek(keyOf(scope));
    if (entry !== undefined && entry.header === sent) {
      entry.wasAccepted = true;
    }
  }

  /** Whether the same token was refused before, within `refusalStands`. */
  isKnownRefusal(scope: Scope, sent: string | undefined): boolean {
    const entry = this.#entries.peek(keyOf(scope));
    return entry?.wasRefused === true && entry.header === sent;
  }

  /**
   * The upstream has refused what was sent.
   * @param wanted the scope in its challenge
   * @param insufficient whether it said that the token is valid, but does not permit the request
   * @returns whether a new token may be better: if the old one was accepted before and may have been revoked, or is old
   */
  handleRefusal(
    scope: Scope,
    sent: string | undefined,
    { wanted, insufficient }: { readonly wanted: string | undefined; readonly insufficient: boolean },
  ): boolean {
    const key = keyOf(scope);
    const entry = this.#entries.peek(key);
    // Without a scope, the challenge's is ignored: some registries put an example into the challenge of `/v2/`.
    const wide = scope.length === 0 ? undefined : widened(this.#scopeFor(key, scope), wanted);
    if (wide !== undefined) {
      this.#widened.set(key, wide);
      this.#entries.delete(key);
      return true;
    }
    if (entry?.since === undefined || entry.header !== sent) {
      // No token was sent, or another request has replaced it meanwhile.
      return true;
    }
    const old = performance.now() - entry.since > refusalStands;
    if (entry.header !== undefined && (old || (entry.wasAccepted && !insufficient))) {
      this.#entries.delete(key);
      return true;
    }
    if (!entry.wasRefused) {
      entry.wasRefused = true;
      const left = Math.min(this.#entries.getRemainingTTL(key), refusalStands);
      // An entry with a TTL of 0 would never expire.
      this.#entries.set(key, entry, { ttl: Math.max(1, left) });
    }
    return false;
  }

  #scopeFor(key: string, scope: Scope): Scope {
    return this.#widened.get(key) ?? scope;
  }

  #fetch(key: string, scope: Scope): Entry {
    const keep = (settled: Entry, ttl: number) => {
      // It may have been deleted meanwhile for a wider scope.
      if (this.#entries.peek(key) === entry) {
        this.#entries.set(key, settled, { ttl: Math.max(1, Math.floor(ttl)) });
      }
    };
    const pending = this.#obtain(this.#scopeFor(key, scope)).then(
      (token) => {
        const header = token && `Bearer ${token.value}`;
        // A new object: the cache would not measure the same one again.
        keep({ ...entry, header, since: performance.now() }, token ? usableFor(token) : refusalStands);
        return header;
      },
      (error: unknown) => {
        entry.hasFailed = true;
        keep(entry, afterFailure);
        throw error;
      },
    );
    // All requests that wait for it may be gone when it fails.
    pending.catch(() => undefined);
    const entry: Entry = {
      pending,
      header: undefined,
      since: undefined,
      wasAccepted: false,
      wasRefused: false,
      hasFailed: false,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /** @returns undefined if the endpoint denies the scope, but accepts the router's user */
  async #obtain(scope: Scope): Promise<Token | undefined> {
    const said = await this.#request(this.#source, scope);
    if ("value" in said) {
      return said;
    }
    const { user } = this.#source;
    if (user === undefined && [401, 403].includes(said.denied)) {
      return undefined;
    }
    if (scope.length > 0) {
      // Some endpoints deny a scope with the same status as an unknown user. Only for the latter they deny a token without scope.
      await this.header([]);
      return undefined;
    }
    if (user !== undefined && userRefused.includes(said.denied)) {
      const cause = `token endpoint refused the router's credentials (${said.denied})`;
      throw new UpstreamFailure("refused", cause, { status: said.denied });
    }
    throw new UpstreamFailure("broken", `token endpoint answered ${said.denied}`);
  }
}

function usableFor({ lifetime }: Token): number {
  return lifetime - Math.min(lifetime / 10, longestMargin);
}

function keyOf(scope: Scope): string {
  return scope.join(" ");
}
