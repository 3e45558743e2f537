import { LRUCache } from "lru-cache";
import type { CredentialsConfig } from "../../config/upstream-options.ts";
import { UpstreamFailure } from "../../errors.ts";
import { type Scope, widened } from "../../protocol/token-scope.ts";

/** Where tokens come from, and for whom. */
export interface TokenSource {
  readonly realm: URL;
  readonly service: string | undefined;
  /** The router's own user; undefined asks for anonymous tokens. */
  readonly user: CredentialsConfig | undefined;
}

/**
 * Asks a token endpoint.
 * @throws UpstreamFailure if it gives no answer that means something
 */
export type RequestToken = (source: TokenSource, scope: Scope) => Promise<Token | Denial>;

/** A token and its life. */
export interface Token {
  readonly value: string;
  /** Milliseconds that it is still good for. */
  readonly lifetime: number;
}

/** The endpoint's word that it gives no token for this. */
export interface Denial {
  /** 4xx */
  readonly denied: number;
}

interface Entry {
  /** `Bearer ...`; undefined if it was denied. Rejects with an UpstreamFailure. */
  readonly pending: Promise<string | undefined>;
  /** Known once the token is there: the hot path then makes no promise. */
  readonly header: string | undefined;
  /** When `pending` was fulfilled; undefined before. Milliseconds of a clock that nobody sets. */
  readonly since: number | undefined;
  /** Whether the upstream has taken it. */
  accepted: boolean;
  /** Whether the upstream has refused it, so that another would not do better. */
  refused: boolean;
  /** Whether the endpoint has failed. */
  failed: boolean;
}

const mostTokens = 1_000;
// All of them together; with many scopes in it a token has a few KiB. Characters.
const mostText = 8 * 1024 * 1024;
// How long not to ask again after the endpoint failed: a crowd must not hammer an endpoint that is in trouble.
const afterFailure = 1_000;
// How long a refusal stands: what is not permitted, or not there, may be so soon. Milliseconds.
const refusalStands = 10_000;
// With 400 a form is answered whose user is not known (RFC 6749 5.2).
const userRefused = [400, 401, 403];
// What a clock may be off, and a request may take.
const longestMargin = 30_000;

/** The tokens of one upstream, one per scope, each fetched once for however many requests are waiting for it. */
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
  /** What has to be asked for where the upstream wants more than the specification says. */
  readonly #widened = new LRUCache<string, Scope>({ max: mostTokens });

  constructor(source: TokenSource, request: RequestToken) {
    this.#source = source;
    this.#request = request;
  }

  /** Whether these are the tokens that a challenge asks for. */
  areFor(realm: URL, service: string | undefined): boolean {
    return this.#source.realm.href === realm.href && this.#source.service === service;
  }

  /**
   * `Bearer ...` for a scope; undefined if the endpoint gives none for it.
   * @throws UpstreamFailure if it gives none at all
   */
  header(scope: Scope): string | undefined | Promise<string | undefined> {
    const key = keyOf(scope);
    const entry = this.#entries.get(key) ?? this.#fetch(key, scope);
    return entry.header ?? entry.pending;
  }

  /** Whether the endpoint has failed to say anything about a scope, a moment ago. */
  hasFailed(scope: Scope): boolean {
    return this.#entries.peek(keyOf(scope))?.failed === true;
  }

  /** The upstream has taken what was sent. */
  accepted(scope: Scope, sent: string | undefined): void {
    const entry = this.#entries.peek(keyOf(scope));
    if (entry !== undefined && entry.header === sent) {
      entry.accepted = true;
    }
  }

  /** Whether what was sent has been refused before, a moment ago. */
  isKnownRefusal(scope: Scope, sent: string | undefined): boolean {
    const entry = this.#entries.peek(keyOf(scope));
    return entry?.refused === true && entry.header === sent;
  }

  /**
   * The upstream has refused what was sent. True when asking anew may bring something better: for what was good before
   * and may have been revoked, or what is old. A token that was refused from the start is as good as it gets.
   * @param wanted the scope in its challenge
   * @param insufficient whether it said that the token is good, and does not permit this
   */
  refused(
    scope: Scope,
    sent: string | undefined,
    { wanted, insufficient }: { readonly wanted: string | undefined; readonly insufficient: boolean },
  ): boolean {
    const key = keyOf(scope);
    const entry = this.#entries.peek(key);
    // For no scope none is wanted: some put an example into the challenge of `/v2/`.
    const wide = scope.length === 0 ? undefined : widened(this.#scopeFor(key, scope), wanted);
    if (wide !== undefined) {
      this.#widened.set(key, wide);
      this.#entries.delete(key);
      return true;
    }
    if (entry?.since === undefined || entry.header !== sent) {
      // Another request has seen to it meanwhile, or none was sent.
      return true;
    }
    const old = performance.now() - entry.since > refusalStands;
    if (entry.header !== undefined && (old || (entry.accepted && !insufficient))) {
      this.#entries.delete(key);
      return true;
    }
    if (!entry.refused) {
      entry.refused = true;
      const left = Math.min(this.#entries.getRemainingTTL(key), refusalStands);
      // Of 0, it would never expire.
      this.#entries.set(key, entry, { ttl: Math.max(1, left) });
    }
    return false;
  }

  #scopeFor(key: string, scope: Scope): Scope {
    return this.#widened.get(key) ?? scope;
  }

  #fetch(key: string, scope: Scope): Entry {
    const keep = (settled: Entry, ttl: number) => {
      // Unless it was forgotten meanwhile, because more is wanted.
      if (this.#entries.peek(key) === entry) {
        this.#entries.set(key, settled, { ttl: Math.max(1, Math.floor(ttl)) });
      }
    };
    const pending = this.#obtain(this.#scopeFor(key, scope)).then(
      (token) => {
        const header = token && `Bearer ${token.value}`;
        // Another object, or the cache would not measure it again.
        keep({ ...entry, header, since: performance.now() }, token ? usableFor(token) : refusalStands);
        return header;
      },
      (error: unknown) => {
        entry.failed = true;
        keep(entry, afterFailure);
        throw error;
      },
    );
    // Whoever waits for it hears of its failure; it is nobody's if they have all gone.
    pending.catch(() => undefined);
    const entry: Entry = {
      pending,
      header: undefined,
      since: undefined,
      accepted: false,
      refused: false,
      failed: false,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  /** Undefined for a scope that is denied by an endpoint that is otherwise well, and takes the router's user. */
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
      // Some deny what a user may not have with the same status as the user: a token for nothing tells them apart.
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
