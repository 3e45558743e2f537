import type { CredentialsConfig } from "../../config/upstream-options.ts";
import { UpstreamFailure } from "../../errors.ts";
import { basicAuthorization, type Challenge, parseChallenges } from "../../protocol/challenge.ts";
import type { Scope } from "../../protocol/token-scope.ts";
import { type RequestToken, Tokens } from "./tokens.ts";

export interface Offer {
  readonly sent: string | undefined;
  readonly scope: Scope;
}

export interface Unauthorized extends Offer {
  readonly challenges: readonly string[];
  /** Whether the request had no header of a client that could shape the challenge. */
  readonly neutral: boolean;
}

/**
 * What to do about a 401:
 * - `repeat`: `header` now returns something new;
 * - `ask neutrally`: the challenge names an unknown token endpoint. Some registries build its address from `X-Forwarded-Host`, so a
 *   client could have the router's credentials sent to a host of its choice. Ask again without headers about the client, and use that
 *   challenge;
 * - `none`: the refusal stands;
 * - `user refused`: the upstream refused the router's user;
 * - `realm refused`: the challenge names no safe token endpoint.
 */
export type Remedy = "repeat" | "ask neutrally" | "none" | "user refused" | "realm refused";

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

  /** @returns what to do about a 401 */
  refused({ challenges, sent, scope, neutral }: Unauthorized): Remedy {
    this.#isProbed = true;
    if (this.#tokens?.isKnownRefusal(scope, sent) === true) {
      return "none";
    }
    const parsed = parseChallenges(challenges);
    const bearer = parsed.find(({ scheme }) => scheme === "bearer");
    if (bearer === undefined) {
      return this.#refusedWithoutBearer(parsed, sent);
    }
    const realm = this.#realmOf(bearer);
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
    const wanted = bearer.parameters.get("scope");
    // RFC 6750 3.1
    const insufficient = bearer.parameters.get("error") === "insufficient_scope";
    return this.#tokens.refused(scope, sent, { wanted, insufficient }) ? "repeat" : "none";
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

  /** A realm that is as safe as the upstream: no http for an https upstream. */
  #realmOf({ parameters }: Challenge): URL | undefined {
    const text = parameters.get("realm") ?? "";
    const realm = URL.canParse(text) ? new URL(text) : undefined;
    const safe =
      realm?.protocol === "https:" || (realm?.protocol === "http:" && this.#upstream.protocol === "http:");
    return safe && realm?.username === "" && realm.password === "" ? realm : undefined;
  }
}

function withoutTokens(error: unknown): undefined {
  if (!(error instanceof UpstreamFailure)) {
    throw error;
  }
}
