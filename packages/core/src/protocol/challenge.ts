import type { RawHeaders } from "./headers.ts";

/** One challenge of a `WWW-Authenticate` header (RFC 9110 11.6.1). */
export interface Challenge {
  readonly scheme: string;
  /** By lower-case name. Empty for a token68. */
  readonly parameters: ReadonlyMap<string, string>;
}

// Sticky, and none can match the same text in two ways: parsing takes linear time.
const separators = /[\s,]*/y;
const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const equals = /[ \t]*=[ \t]*/y;
const quoted = /"((?:[^"\\]|\\[\s\S])*)"/y;
// Some registries do not quote an address, although it is no token.
const unquoted = /[^\s,"]+/y;
const token68 = /[ \t]+[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;

/**
 * A value may hold several challenges, with commas inside quoted strings. The rest of a value that cannot be parsed is ignored;
 * nothing throws.
 */
export function parseChallenges(headerValues: readonly string[]): Challenge[] {
  return headerValues.flatMap(parseValue);
}

export function basicAuthorization(user: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${user.username}:${user.password}`).toString("base64")}`;
}

/** The address that a realm names: a URL, or a path at the upstream's own host. Undefined if it is neither. */
export function realmAt(upstream: URL, realm = ""): URL | undefined {
  if (realm.startsWith("/")) {
    return URL.canParse(realm, upstream.href) ? new URL(realm, upstream) : undefined;
  }
  return URL.canParse(realm) ? new URL(realm) : undefined;
}

const realmParameter = /(\brealm\s*=\s*")((?:[^"\\]|\\[\s\S])*)"/gi;

/** Puts the upstream's address before relative realms of tokens: a client would look for them at the router. */
export function absoluteRealms(headers: RawHeaders, upstream: URL): RawHeaders {
  return headers.map((value, index) =>
    index % 2 === 1 && headers[index - 1]?.toLowerCase() === "www-authenticate" && /\bbearer\b/i.test(value)
      ? value.replace(realmParameter, (all, start: string, realm: string) =>
          realm.startsWith("/") ? `${start}${realmAt(upstream, realm)?.href ?? realm}"` : all,
        )
      : value,
  );
}

function parseValue(text: string): Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  const reader = new Reader(text);
  while (true) {
    reader.take(separators);
    const name = reader.take(token)?.[0].toLowerCase();
    if (name === undefined) {
      return challenges;
    }
    const current = challenges.at(-1);
    if (current !== undefined && reader.take(equals) !== undefined) {
      const value = readValue(reader);
      if (value === undefined) {
        return challenges;
      }
      current.parameters.set(name, value);
    } else {
      challenges.push({ scheme: name, parameters: new Map() });
      reader.take(token68);
    }
  }
}

function readValue(reader: Reader): string | undefined {
  const text = reader.take(quoted)?.[1];
  return text === undefined ? reader.take(unquoted)?.[0] : text.replace(/\\([\s\S])/g, "$1");
}

class Reader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Matches a sticky pattern at the position, and moves behind the match. */
  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#position;
    const match = pattern.exec(this.#text) ?? undefined;
    this.#position += match?.[0].length ?? 0;
    return match;
  }
}
