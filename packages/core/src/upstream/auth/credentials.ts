import type { CredentialsConfig } from "../../config/upstream-options.ts";
import { UpstreamFailure } from "../../errors.ts";
import { basicAuthorization, type Challenge, parseChallenges } from "../../protocol/challenge.ts";
import type { Scope } from "../../protocol/token-scope.ts";
import { type RequestToken, Tokens } from "./tokens.ts";

/** A request that has been answered: what it was for, and what it offered. */
export interface Offer {
  /** The `Authorization` that was sent. */
  readonly sent: string | undefined;
  readonly scope: Scope;
}

/** A 401, and what it answers. */
export interface Unauthorized extends Offer {
  /** The `WWW-Authenticate` values. */
  readonly challenges: readonly string[];
  /** Whether nothing in the request came from a client that could have shaped the challenge. */
  readonly neutral: boolean;
}

/**
 * What to do about a 401:
 * - `repeat`: `header` now has something new to offer;
 * - `ask neutrally`: the challenge names a token endpoint that is not known. Some registries build its address from
 *   `X-Forwarded-Host`, so that a client could have the router's credentials sent to a host of its choice; ask again
 *   without any header about the client, and believe that answer;
 * - `none`: the refusal stands. The router is known, or nobody is to be known as, and it may not have this;
 * - `user refused`, `realm refused`: the router could not make itself known at all.
 */
export type Remedy = "repeat" | "ask neutrally" | "none" | Refusal;

/** Why the router could not make itself known: its user was not taken, or there is nowhere to get tokens. */
export type Refusal = "user refused" | "realm refused";

/**
 * The router's own way of making itself known to one upstream. It begins with Basic, or with nothing where it has no
 * user, and learns from the first 401 whether the upstream wants tokens
 * (https://distribution.github.io/distribution/spec/auth/token/).
 */
export class Credentials {
  readonly #upstream: URL;
  readonly #user: CredentialsConfig | undefined;
  readonly #basic: string | undefined;
  readonly #requestToken: RequestToken;
  #tokens: Tokens | undefined;
  #asked = false;

  constructor(user: CredentialsConfig | undefined, upstream: URL, requestToken: RequestToken) {
    this.#upstream = upstream;
    this.#requestToken = requestToken;
    this.#user = user;
    this.#basic = user && basicAuthorization(user);
  }

  /**
   * The `Authorization` to send, if any; a promise only while a token has to be fetched. For what a token endpoint denies
   * it is left out, and the upstream's own refusal follows.
   * @throws UpstreamFailure if the token endpoint fails, or refuses the router's user
   */
  header(scope: Scope): string | undefined | Promise<string | undefined> {
    return this.#tokens === undefined ? this.#basic : this.#tokens.header(scope);
  }

  /**
   * The same for a request that can be repeated: nothing where tokens cannot be had. The upstream may have been set up anew
   * to want others or none, which its answer will tell; if not, `header` fails for the repetition.
   */
  headerAtFirst(scope: Scope): string | undefined | Promise<string | undefined> {
    const header = this.header(scope);
    return header instanceof Promise ? header.catch(withoutTokens) : header;
  }

  /** Whether there is a user, and nothing is known yet of how the upstream wants to be told: to be found out without a body. */
  needsProbe(): boolean {
    return this.#basic !== undefined && !this.#asked;
  }

  /** The upstream has answered something else than 401: it need not be probed, and what was sent is good. */
  accepted({ scope, sent }: Offer): void {
    this.#asked = true;
    if (sent === undefined && this.#tokens?.hasFailed(scope) === true) {
      // It does without.
      this.#tokens = undefined;
    }
    this.#tokens?.accepted(scope, sent);
  }

  /** A 401 came: what to do about it. */
  refused({ challenges, sent, scope, neutral }: Unauthorized): Remedy {
    this.#asked = true;
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
    // An upstream that wanted tokens may be set up anew to want Basic.
    if (!challenges.some(({ scheme }) => scheme === "basic")) {
      return "none";
    }
    this.#tokens = undefined;
    return "repeat";
  }

  /** Credentials and tokens go to the realm only over a transport that is as good as the upstream's. */
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
