import { parseChallenges } from "../../protocol/challenge.ts";
import { errorWords } from "../../protocol/error-body.ts";
import { quotable, type RawHeaders, valuesOf } from "../../protocol/headers.ts";

/** What an answer says about the credentials that were sent. */
export interface CredentialsVerdict {
  readonly status: number;
  readonly challenges: readonly string[];
  /** Whether it says that the credentials themselves are no longer valid, not valid yet, or wrong: not that they lack a permission. */
  readonly invalid: boolean;
  /** Whether it may be about the credentials, as far as it says. A manifest that is invalid is not. */
  readonly possible: boolean;
  /** The upstream's own words, if they are about the validity of the credentials. */
  readonly words: string | undefined;
}

const credential =
  /\b(?:tokens?|jwt|credentials?|authori[sz]ation|authentication|login|signature|password|session)\b/i;
const validity =
  /expire|not (?:yet )?valid|not valid yet|\binvalid|revoked|before issued|issued in the future|not (?:yet )?active|\bnbf\b|no longer/i;
const longestWords = 200;
// The codes that registries give to a refusal. Any other code is about the content.
const refusingCodes = ["UNAUTHORIZED", "DENIED", "UNKNOWN", "FORBIDDEN", "UNSUPPORTED"];

/**
 * @param text the body; empty for HEAD
 * @param secrets what must not appear in the words
 */
export function refusalOf(
  { status, headers }: { readonly status: number; readonly headers: RawHeaders },
  text: string,
  secrets: readonly string[] = [],
): CredentialsVerdict {
  const challenges = valuesOf(headers, "www-authenticate");
  const parameters = parseChallenges(challenges).map((challenge) => challenge.parameters);
  const said = errorWords(text);
  const sentences = [
    ...said.map(({ words }) => words),
    ...parameters.flatMap((one) => one.get("error_description") ?? []),
  ];
  const words = sentences.find((one) => credential.test(one) && validity.test(one));
  // RFC 6750 3.1
  const invalid = words !== undefined || parameters.some((one) => one.get("error") === "invalid_token");
  const codes = said.flatMap(({ code }) => code ?? []);
  return {
    status,
    challenges,
    invalid,
    possible: invalid || challenges.length > 0 || codes.every((code) => refusingCodes.includes(code)),
    words: words === undefined || secrets.some((secret) => words.includes(secret)) ? undefined : short(words),
  };
}

function short(words: string): string {
  const line = quotable(words.trim().replace(/\s+/g, " "));
  return line.length > longestWords ? `${line.slice(0, longestWords - 3)}...` : line;
}
