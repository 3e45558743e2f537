import type { CredentialsConfig } from "../../config/upstream-options.ts";
import { UpstreamFailure } from "../../errors.ts";
import { basicAuthorization, type Challenge, parseChallenges } from "../../protocol/challenge.ts";
import type { Scope } from "../../protocol/token-scope.ts";
import { type RequestToken, Tokens } from "./tokens.ts";

/** What a request that has a response offered to the upstream. */
export interface Offer {
  /** `Authorization`. */
  readonly sent: string | undefined;
  readonly scope: Scope;
}

/** A 401, and the request that it answers. */
export interface Unauthorized extends Offer {
  /** The `WWW-Authenticate` values. */
  readonly challenges: readonly string[];
  /** Whether the request had no header from a client that could shape the challenge. */
  readonly neutral: boolean;
}

/**
 * What to do about a 401:
 * - `repeat`: `header` now has something new to offer;
 * - `ask neutrally`: the challenge names an unknown token endpoint. Some registries build its address from `X-Forwarded-Host`, so that
 *   a client could have the router's credentials sent to a host of its choice. Repeat without any header about the client, and
 *   believe that challenge;
 * - `none`: the refusal is final. The upstream knows the router, or the router is anonymous, and it may not have this content;
 * - `user refused`: the upstream does not accept the router's user;
 * - `realm refused`: there is no token endpoint that may get the router's credentials.
 */
export type Remedy = "repeat" | "ask neutrally" | "none" | "user refused" | "realm refused";

/**
 * The router's credentials for one upstream. At first it sends Basic, or nothing if it has no user. The first 401 tells whether the
 * upstream wants tokens (https://distribution.github.io/distribution/spec/auth/token/).
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
   * The `Authorization` to send, if any; a promise only while a token has to be fetched. Undefined for what the token endpoint denies:
   * the upstream's own refusal follows.
   * @throws UpstreamFailure if the token endpoint fails, or refuses the router's user
   */
  header(scope: Scope): string | undefined | Promise<string | undefined> {
    return this.#tokens === undefined ? this.#basic : this.#tokens.header(scope);
  }

  /**
   * The same for a request that can be repeated, but undefined if the token endpoint fails. The upstream may want other tokens now, or
   * none, which its response will tell. If not, `header` fails for the repetition.
   */
  headerAtFirst(scope: Scope): string | undefined | Promise<string | undefined> {
    const header = this.header(scope);
    return header instanceof Promise ? header.catch(withoutTokens) : header;
  }

  /** Whether to find out, by a request without a body, which credentials the upstream wants. */
  needsProbe(): boolean {
    return this.#basic !== undefined && !this.#isProbed;
  }

  /** The status was not 401. */
  markAccepted({ scope, sent }: Offer): void {
    this.#isProbed = true;
    if (sent === undefined && this.#tokens?.hasFailed(scope) === true) {
      // The upstream needs no token.
      this.#tokens = undefined;
    }
    this.#tokens?.markAccepted(scope, sent);
  }

  handleRefusal({ challenges, sent, scope, neutral }: Unauthorized): Remedy {
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
    return this.#tokens.handleRefusal(scope, sent, { wanted, insufficient }) ? "repeat" : "none";
  }

  #refusedWithoutBearer(challenges: readonly Challenge[], sent: string | undefined): Remedy {
    if (this.#basic === undefined) {
      return "none";
    }
    if (sent === this.#basic) {
      return "user refused";
    }
    // An upstream that wanted tokens may be reconfigured to want Basic.
    if (!challenges.some(({ scheme }) => scheme === "basic")) {
      return "none";
    }
    this.#tokens = undefined;
    return "repeat";
  }

  /** Undefined if the realm would get credentials over a transport that is less safe than the upstream's. */
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
