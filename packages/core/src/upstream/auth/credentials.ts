import type { CredentialsConfig } from "../../config/upstream-options.ts";
import { UpstreamFailure } from "../../errors.ts";
import { basicAuthorization, type Challenge, parseChallenges, realmAt } from "../../protocol/challenge.ts";
import type { Scope } from "../../protocol/token-scope.ts";
import { harmlessScope, type RequestToken, Tokens } from "./tokens.ts";
import type { CredentialsVerdict } from "./verdict.ts";

export interface Offer {
  readonly sent: string | undefined;
  readonly scope: Scope;
}

export interface Unauthorized extends Offer, Partial<Omit<CredentialsVerdict, "challenges">> {
  readonly challenges: readonly string[];
  /** Whether the request had no header of a client that could shape the challenge. */
  readonly neutral: boolean;
}

/**
 * What to do about a 401, or about a 400 or 403 to credentials:
 * - `repeat`: `header` now returns something new;
 * - `ask neutrally`: the challenge names an unknown token endpoint. Some registries build its address from `X-Forwarded-Host`, so a
 *   client could have the router's credentials sent to a host of its choice. Ask again without headers about the client, and use that
 *   challenge;
 * - `none`: the refusal stands;
 * - `user refused`: the upstream refused the router's user;
 * - `token refused`: the upstream says that even a new token is not valid;
 * - `realm refused`: the challenge names no safe token endpoint.
 */
export type Remedy = "repeat" | "ask neutrally" | "none" | "user refused" | "token refused" | "realm refused";

/**
 * The router's own authentication at one upstream. It begins with Basic, or with nothing if it has no user, and learns from the first
 * 401 whether the upstream wants tokens
 * (https://distribution.github.io/distribution/spec/auth/token/).
 */
export class Credentials {
  readonly #upstream: URL;
  readonly #user: CredentialsConfig | undefined;
  readonly #basic: string | undefined;
  readonly #requestToken: RequestToken;
  #tokens: Tokens | undefined;
  #isProbed = false;

  constructor(user: CredentialsConfig | undefined, upstream: URL, requestToken: RequestToken) {
    this.#upstream = upstream;
    this.#requestToken = requestToken;
    this.#user = user;
    this.#basic = user && basicAuthorization(user);
  }

  /**
   * The `Authorization` to send, if any; a promise only while a token is fetched. If a token endpoint denies the scope, there is none,
   * and the upstream's own refusal follows.
   * @throws UpstreamFailure if the token endpoint fails, or refuses the router's user
   */
  header(scope: Scope): string | undefined | Promise<string | undefined> {
    return this.#tokens === undefined ? this.#basic : this.#tokens.header(scope);
  }

  /**
   * The same for a request that can be repeated: undefined if the token endpoint fails. The upstream may want other credentials or none
   * by now, which its answer tells; if not, `header` fails for the repetition.
   */
  headerAtFirst(scope: Scope): string | undefined | Promise<string | undefined> {
    const header = this.header(scope);
    return header instanceof Promise ? header.catch(withoutTokens) : header;
  }

  /** Whether the router has a user of its own there. */
  get hasUser(): boolean {
    return this.#user !== undefined;
  }

  /** Whether there is a user, and it is not yet known whether the upstream wants Basic or tokens. */
  needsProbe(): boolean {
    return this.#basic !== undefined && !this.#isProbed;
  }

  /** Notes that the upstream answered something else than 401. */
  noteAccepted({ scope, sent }: Offer): void {
    this.#isProbed = true;
    if (sent === undefined && this.#tokens?.hasFailed(scope) === true) {
      // The upstream needs no tokens any more.
      this.#tokens = undefined;
    }
    this.#tokens?.noteAccepted(scope, sent);
  }

  /**
   * Whether the token endpoint gives tokens, but none for `/v2/`, which needs no scope: then a 401 there refuses nobody.
   * @throws UpstreamFailure if the token endpoint fails, or refuses the router's user
   */
  async givesOnlyScopedTokens(): Promise<boolean> {
    const tokens = this.#tokens;
    if (tokens === undefined || (await tokens.header([])) !== undefined) {
      return false;
    }
    return this.#user !== undefined || (await tokens.header(harmlessScope)) !== undefined;
  }

  /** @returns what to do about a refusal */
  refused({ status = 401, challenges, invalid = false, ...offer }: Unauthorized): Remedy {
    const { sent, scope, neutral, possible = true } = offer;
    this.#isProbed = true;
    const stands = invalid && sent !== undefined ? "token refused" : "none";
    if (this.#tokens?.isKnownRefusal(scope, sent) === true) {
      return stands;
    }
    const parsed = parseChallenges(challenges);
    const [bearer, realm] = this.#bearerOf(parsed);
    const isTokenAlone = bearer === undefined && invalid && sent !== undefined && sent !== this.#basic;
    if (status !== 401 || isTokenAlone) {
      return this.#forbidden(bearer, { status, invalid, possible, sent, scope }) ?? stands;
    }
    if (bearer === undefined) {
      return this.#refusedWithoutBearer(parsed, sent);
    }
    const service = bearer.parameters.get("service");
    if (realm === undefined || this.#tokens?.areFor(realm, service) !== true) {
      if (!neutral) {
        return "ask neutrally";
      }
      if (realm === undefined) {
        return "realm refused";
      }
      this.#tokens = new Tokens({ realm, service, user: this.#user }, this.#requestToken);
    }
    return this.#tokens.refused(scope, sent, { status, invalid, ...wishesOf(bearer) }) ? "repeat" : stands;
  }

  /** A 400 or 403 to what was sent: undefined if it stands. */
  #forbidden(
    bearer: Challenge | undefined,
    { sent, scope, ...refusal }: Offer & Pick<CredentialsVerdict, "status" | "invalid" | "possible">,
  ): Remedy | undefined {
    if (sent !== undefined && sent === this.#basic) {
      return refusal.invalid ? "user refused" : undefined;
    }
    const mayHelp =
      refusal.possible && this.#tokens?.refused(scope, sent, { ...refusal, ...wishesOf(bearer) }) === true;
    return mayHelp ? "repeat" : undefined;
  }

  /** The first challenge for a token whose realm can be used, else the first one. */
  #bearerOf(challenges: readonly Challenge[]): [bearer: Challenge | undefined, realm: URL | undefined] {
    const bearers = challenges.filter(({ scheme }) => scheme === "bearer");
    for (const bearer of bearers) {
      const realm = this.#realmOf(bearer);
      if (realm !== undefined) {
        return [bearer, realm];
      }
    }
    return [bearers[0], undefined];
  }

  #refusedWithoutBearer(challenges: readonly Challenge[], sent: string | undefined): Remedy {
    if (this.#basic === undefined) {
      return "none";
    }
    if (sent === this.#basic) {
      return "user refused";
    }
    // An upstream that wanted tokens may want Basic by now.
    if (!challenges.some(({ scheme }) => scheme === "basic")) {
      return "none";
    }
    this.#tokens = undefined;
    return "repeat";
  }

  /** A realm that is as safe as the upstream: no http for an https upstream. Some registries name theirs without a host. */
  #realmOf({ parameters }: Challenge): URL | undefined {
    const realm = realmAt(this.#upstream, parameters.get("realm"));
    const safe =
      realm?.protocol === "https:" || (realm?.protocol === "http:" && this.#upstream.protocol === "http:");
    return safe && realm?.username === "" && realm.password === "" ? realm : undefined;
  }
}

/** Whether an answer may refuse the credentials that were sent. Amazon ECR and others answer 403 or 400 to an expired token. */
export function mayRefuse(status: number, sent: string | undefined): boolean {
  return status === 401 || (sent !== undefined && (status === 403 || status === 400));
}

function wishesOf(bearer: Challenge | undefined): { wanted: string | undefined; insufficient: boolean } {
  const parameters = bearer?.parameters;
  // RFC 6750 3.1
  return {
    wanted: parameters?.get("scope"),
    insufficient: parameters?.get("error") === "insufficient_scope",
  };
}

function withoutTokens(error: unknown): undefined {
  if (!(error instanceof UpstreamFailure)) {
    throw error;
  }
}
