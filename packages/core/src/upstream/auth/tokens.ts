import { LRUCache } from "lru-cache";
import type { CredentialsConfig } from "../../config/upstream-options.ts";
import { UpstreamFailure } from "../../errors.ts";
import { type Scope, widened } from "../../protocol/token-scope.ts";

export interface TokenSource {
  readonly realm: URL;
  readonly service: string | undefined;
  /** The router's own user; undefined asks for anonymous tokens. */
  readonly user: CredentialsConfig | undefined;
}

/** @throws UpstreamFailure if the token endpoint fails, or its answer cannot be understood */
export type RequestToken = (source: TokenSource, scope: Scope) => Promise<Token | Denial>;

export interface Token {
  readonly value: string;
  /** Milliseconds until it expires. */
  readonly lifetime: number;
}

export interface Denial {
  readonly denied: number;
}

/** An upstream's refusal of a token. */
export interface TokenRefusal {
  readonly status: number;
  /** The scope in the challenge. */
  readonly wanted: string | undefined;
  /** Whether it says that the token is valid but does not permit this. */
  readonly insufficient: boolean;
  /** Whether it says that the token is not valid, not yet or no longer. */
  readonly invalid: boolean;
}

interface Entry {
  /** `Bearer ...`; undefined if it was denied. Rejects with an UpstreamFailure. */
  readonly pending: Promise<string | undefined>;
  /** Set when the token is there, so that the hot path needs no promise. */
  readonly header: string | undefined;
  /** Monotonic milliseconds when `pending` was fulfilled. */
  readonly since: number | undefined;
  wasAccepted: boolean;
  /** The upstream refused this token when it was fresh: no other is fetched until `refusalStands` is over. */
  wasRefused: boolean;
  hasFailed: boolean;
}

const mostTokens = 1_000;
// Characters of all tokens together. A token with many scopes has a few KiB.
const mostText = 8 * 1024 * 1024;
// Milliseconds after a failure of the endpoint, so that many clients do not hammer an endpoint in trouble.
const afterFailure = 1_000;
// Milliseconds that a refusal is cached: permissions can change soon.
const refusalStands = 10_000;
// Milliseconds between two tokens that are fetched because of a 400 or 403 that does not say why: some registries answer so to every
// name that they do not know.
const forbiddenStands = 60_000;
// 400 is the answer to a form with an unknown user (RFC 6749 5.2).
const userRefused = [400, 401, 403];
/** The scope of a name that no registry has. */
export const harmlessScope: Scope = ["repository:combined-registry-check/nothing:pull"];
// Milliseconds for the error of a clock and the time of a request.
const longestMargin = 30_000;

/** The tokens of one upstream, one per scope. Requests that wait for the same token share one fetch. */
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
  /** Scopes of upstreams that want more than the specification says. */
  readonly #widened = new LRUCache<string, Scope>({ max: mostTokens });
  /** Scopes whose token was replaced lately because it was refused, although it was fresh or the refusal did not say why. */
  readonly #replaced = new LRUCache<string, true>({
    max: mostTokens,
    ttl: refusalStands,
    perf: { now: () => performance.now() },
  });

  constructor(source: TokenSource, request: RequestToken) {
    this.#source = source;
    this.#request = request;
  }

  areFor(realm: URL, service: string | undefined): boolean {
    return this.#source.realm.href === realm.href && this.#source.service === service;
  }

  /**
   * `Bearer ...` for a scope; undefined if the endpoint denies it.
   * @throws UpstreamFailure if the endpoint fails or refuses the user
   */
  header(scope: Scope): string | undefined | Promise<string | undefined> {
    const key = keyOf(scope);
    const entry = this.#entries.get(key) ?? this.#fetch(key, scope);
    return entry.header ?? entry.pending;
  }

  /** Whether the endpoint failed for a scope within the last second. */
  hasFailed(scope: Scope): boolean {
    return this.#entries.peek(keyOf(scope))?.hasFailed === true;
  }

  noteAccepted(scope: Scope, sent: string | undefined): void {
    const entry = this.#entries.peek(keyOf(scope));
    if (entry !== undefined && entry.header === sent) {
      entry.wasAccepted = true;
    }
  }

  /** Whether the same token was refused within the last ten seconds. */
  isKnownRefusal(scope: Scope, sent: string | undefined): boolean {
    const entry = this.#entries.peek(keyOf(scope));
    return entry?.wasRefused === true && entry.header === sent;
  }

  /**
   * Notes that the upstream refused what was sent.
   * @returns whether another token may do better: if this one was accepted before, and so may be revoked, is old, or is said to be
   *   invalid. At most once for a scope within ten seconds, or within a minute if the refusal is a 400 or 403 that does not say why
   */
  refused(scope: Scope, sent: string | undefined, refusal: TokenRefusal): boolean {
    const { wanted, insufficient, invalid, status } = refusal;
    const key = keyOf(scope);
    const entry = this.#entries.peek(key);
    // Some registries put an example scope into the challenge of `/v2/`, which needs none.
    const wide = scope.length === 0 ? undefined : widened(this.#scopeFor(key, scope), wanted);
    if (wide !== undefined) {
      this.#widened.set(key, wide);
      this.#entries.delete(key);
      return true;
    }
    if (entry?.since === undefined || entry.header !== sent) {
      // Another request has replaced the token meanwhile, or none was sent.
      return true;
    }
    const old = performance.now() - entry.since > refusalStands;
    const mayBeStale = old || (entry.wasAccepted && !insufficient);
    const vague = status !== 401 && !invalid;
    const bounded = vague || (invalid && !mayBeStale);
    if (
      entry.header !== undefined &&
      (mayBeStale || invalid) &&
      !(bounded && this.#replaced.get(key) === true)
    ) {
      this.#replaced.set(key, true, { ttl: vague ? forbiddenStands : refusalStands });
      this.#entries.delete(key);
      return true;
    }
    if (!entry.wasRefused) {
      entry.wasRefused = true;
      const left = Math.min(this.#entries.getRemainingTTL(key), refusalStands);
      // 0 would mean that it never expires.
      this.#entries.set(key, entry, { ttl: Math.max(1, left) });
    }
    return false;
  }

  #scopeFor(key: string, scope: Scope): Scope {
    return this.#widened.get(key) ?? scope;
  }

  #fetch(key: string, scope: Scope): Entry {
    const keep = (settled: Entry, ttl: number) => {
      // Unless a wider scope has replaced it meanwhile.
      if (this.#entries.peek(key) === entry) {
        this.#entries.set(key, settled, { ttl: Math.max(1, Math.floor(ttl)) });
      }
    };
    const pending = this.#obtain(this.#scopeFor(key, scope)).then(
      (token) => {
        const header = token && `Bearer ${token.value}`;
        // A new object: the cache does not measure the same one again.
        keep({ ...entry, header, since: performance.now() }, token ? usableFor(token) : refusalStands);
        return header;
      },
      (error: unknown) => {
        entry.hasFailed = true;
        keep(entry, afterFailure);
        throw error;
      },
    );
    // If all requests have left, there is no other handler for a rejection.
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

  /** Undefined if the endpoint denies the scope, but is there and accepts the router's user. */
  async #obtain(scope: Scope): Promise<Token | undefined> {
    const said = await this.#request(this.#source, scope);
    if ("value" in said) {
      return said;
    }
    const { user } = this.#source;
    if (user === undefined && isForbidden(said)) {
      return undefined;
    }
    if (scope.length > 0) {
      // Some endpoints deny a scope with the same status as a user. A token without scope tells the two apart.
      await this.header([]);
      return undefined;
    }
    await this.#judgeDenial(said);
    return undefined;
  }

  /**
   * Some endpoints give no token without a scope: those of GitLab and of istio's registry answer 400, 401, 403 or 404. Whether they are
   * there at all, and know the router's user, shows a scope that every user may ask for.
   * @throws UpstreamFailure if not
   */
  async #judgeDenial({ denied }: Denial): Promise<void> {
    const { user } = this.#source;
    const other = await this.#request(this.#source, harmlessScope);
    if ("value" in other) {
      return;
    }
    if (user !== undefined && userRefused.includes(denied)) {
      const cause = `token endpoint refused the router's credentials (${denied})`;
      throw new UpstreamFailure("refused", cause, { status: denied });
    }
    // It wants a scope, and denies this one to everybody.
    if (user === undefined && isForbidden(other)) {
      return;
    }
    throw new UpstreamFailure("broken", `token endpoint answered ${denied}`);
  }
}

function isForbidden({ denied }: Denial): boolean {
  return denied === 401 || denied === 403;
}

function usableFor({ lifetime }: Token): number {
  return lifetime - Math.min(lifetime / 10, longestMargin);
}

function keyOf(scope: Scope): string {
  return scope.join(" ");
}
