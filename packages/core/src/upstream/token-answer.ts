import type { Token } from "./auth/tokens.ts";

// The specification's default ("expires_in"). Seconds.
const usualLife = 60;
const longestLife = 24 * 60 * 60;
const longestToken = 32 * 1024;

/**
 * Reads the answer of a token endpoint; undefined if there is no token in it.
 * @param date its `Date` header
 */
export function readToken(text: string, date: string | undefined): Token | undefined {
  const said = parse(text);
  if (typeof said !== "object" || said === null) {
    return undefined;
  }
  const value = ["token", "access_token"].map((key) => Reflect.get(said, key)).find(isToken);
  if (value === undefined) {
    return undefined;
  }
  const seconds = Number(Reflect.get(said, "expires_in"));
  const life = (seconds > 0 ? Math.min(seconds, longestLife) : usualLife) * 1000;
  return { value, lifetime: life - ageOf(Reflect.get(said, "issued_at"), date, life) };
}

/**
 * Milliseconds that a token had lived when it was sent: endpoints may give the same one out again. Both times are of the
 * endpoint's clock, so that it does not matter what the router's says. Nobody gives out what has expired: an age beyond the
 * token's life is that of a clock in between which is wrong.
 */
function ageOf(issuedAt: unknown, date: string | undefined, life: number): number {
  const age = Date.parse(date ?? "") - Date.parse(String(issuedAt));
  return age > 0 && age < life ? age : 0;
}

/** It is to stand in a header: nothing in it may end the line, and it has to fit. */
function isToken(value: unknown): value is string {
  return typeof value === "string" && value.length <= longestToken && /^[\x21-\x7e]+$/.test(value);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
