import { LRUCache } from "lru-cache";
import type { Scope } from "./credentials.ts";

/** Asks a token endpoint; undefined when there is no token to be had. */
export type RequestToken = (address: URL, authorization: string | undefined) => Promise<Token | undefined>;

/** A token and its life. */
export interface Token {
  readonly value: string;
  /** Milliseconds that it is good for. */
  readonly lifetime: number;
}

/** Where tokens come from, and with what. */
export interface TokenSource {
  readonly realm: URL;
  readonly service: string | undefined;
  /** The router's own user, as an `Authorization`; undefined asks for anonymous tokens. */
  readonly basic: string | undefined;
  readonly requestToken: RequestToken;
}

interface Entry {
  readonly header: Promise<string | undefined>;
  /** Known once the token is there: the hot path then makes no promise. */
  known: string | undefined;
  /** Whether a request has gone out with it. */
  used: boolean;
}

const mostTokens = 1_000;
// How long not to ask again after the endpoint had none: a crowd must not hammer an endpoint that is in trouble.
const withoutToken = 1_000;
// What a clock may be off, and a request may take.
const longestMargin = 30_000;

/** The tokens of one upstream, one per scope, each fetched once for however many requests are waiting for it. */
export class Tokens {
  readonly #source: TokenSource;
  readonly #entries = new LRUCache<string, Entry>({ max: mostTokens });

  constructor(source: TokenSource) {
    this.#source = source;
  }

  /** Whether these are the tokens that a challenge asks for. */
  areFor(realm: URL, service: string | undefined): boolean {
    return this.#source.realm.href === realm.href && this.#source.service === service;
  }

  /** `Bearer ...` for a scope; never rejects. */
  header(scope: Scope): string | undefined | Promise<string | undefined> {
    const key = scope.join(" ");
    const entry = this.#entries.get(key) ?? this.#fetch(key, scope);
    entry.used ||= entry.known !== undefined;
    return entry.known ?? entry.header;
  }

  /** Forgets a token that was refused. True when asking anew may bring another. */
  drop(scope: Scope, sent: string | undefined): boolean {
    const key = scope.join(" ");
    const entry = this.#entries.peek(key);
    if (entry?.known === undefined || entry.known !== sent) {
      // Another request has dropped it meanwhile, or none was sent.
      return true;
    }
    this.#entries.delete(key);
    return entry.used;
  }

  #fetch(key: string, scope: Scope): Entry {
    const { realm, service, basic, requestToken } = this.#source;
    const address = new URL(realm);
    if (service !== undefined) {
      address.searchParams.set("service", service);
    }
    for (const one of scope) {
      address.searchParams.append("scope", one);
    }
    const entry: Entry = {
      known: undefined,
      used: false,
      header: requestToken(address, basic).then(
        (token) => {
          const lifetime =
            token === undefined
              ? withoutToken
              : token.lifetime - Math.min(token.lifetime / 10, longestMargin);
          entry.known = token && `Bearer ${token.value}`;
          this.#entries.set(key, entry, { ttl: Math.max(1, lifetime) });
          return entry.known;
        },
        () => {
          this.#entries.set(key, entry, { ttl: withoutToken });
          return undefined;
        },
      ),
    };
    this.#entries.set(key, entry);
    return entry;
  }
}
