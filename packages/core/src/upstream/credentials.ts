import type { CredentialsConfig } from "../config/written.ts";
import { type Challenge, parseChallenges } from "../protocol/challenge.ts";
import { type RequestToken, Tokens } from "./tokens.ts";

/** What a token is good for, as the token specification writes it: `repository:a/b:pull`. None stands for `/v2/` itself. */
export type Scope = readonly string[];

/** A 401, and what it answers. */
export interface Unauthorized {
  /** The `WWW-Authenticate` values. */
  readonly challenges: readonly string[];
  /** The `Authorization` that was refused. */
  readonly sent: string | undefined;
  readonly scope: Scope;
  /** Whether nothing in the request came from a client that could have shaped the challenge. */
  readonly neutral: boolean;
}

/**
 * What to do about a 401:
 * - `repeat`: `header` now has something new to offer;
 * - `ask neutrally`: the challenge names a token endpoint that is not known. Some registries build its address from
 *   `X-Forwarded-Host`, so that a client could have the router's credentials sent to a host of its choice; ask again
 *   without any header about the client, and believe that answer;
 * - `none`: the refusal stands.
 */
export type Remedy = "repeat" | "ask neutrally" | "none";

/**
 * The router's own way of making itself known to one upstream. It begins with Basic, or with nothing where it has no
 * user, and learns from the first 401 whether the upstream wants tokens
 * (https://distribution.github.io/distribution/spec/auth/token/).
 */
export class Credentials {
  readonly #upstream: URL;
  readonly #basic: string | undefined;
  readonly #requestToken: RequestToken;
  #tokens: Tokens | undefined;
  #asked = false;

  constructor(auth: CredentialsConfig | undefined, upstream: URL, requestToken: RequestToken) {
    this.#upstream = upstream;
    this.#requestToken = requestToken;
    this.#basic =
      auth === undefined
        ? undefined
        : `Basic ${Buffer.from(`${auth.username}:${auth.password}`, "utf8").toString("base64")}`;
  }

  /**
   * The `Authorization` to send, if any; a promise only while a token has to be fetched. Never rejects: what cannot be
   * had is left out, and the upstream's own refusal follows.
   */
  header(scope: Scope): string | undefined | Promise<string | undefined> {
    return this.#tokens === undefined ? this.#basic : this.#tokens.header(scope);
  }

  /** Whether there is a user, and nothing is known yet of how the upstream wants to be told: to be found out without a body. */
  needsProbe(): boolean {
    return this.#basic !== undefined && !this.#asked;
  }

  /** The upstream has answered something else than 401, so that it need not be probed. */
  accepted(): void {
    this.#asked = true;
  }

  /** A 401 came: what to do about it. */
  refused({ challenges, sent, scope, neutral }: Unauthorized): Remedy {
    this.#asked = true;
    const parsed = parseChallenges(challenges);
    const bearer = parsed.find(({ scheme }) => scheme === "bearer");
    if (bearer === undefined) {
      return this.#backToBasic(parsed, sent) ? "repeat" : "none";
    }
    if (isInsufficient(bearer)) {
      return "none";
    }
    const realm = this.#realmOf(bearer);
    const service = bearer.parameters.get("service");
    if (realm !== undefined && this.#tokens?.areFor(realm, service) === true) {
      // A token that was refused may have been revoked; what has been fetched since may be better. One that was fetched
      // for this very request is as good as it gets.
      return this.#tokens.drop(scope, sent) ? "repeat" : "none";
    }
    if (!neutral) {
      return "ask neutrally";
    }
    if (realm === undefined) {
      return "none";
    }
    this.#tokens = new Tokens({ realm, service, basic: this.#basic, requestToken: this.#requestToken });
    return "repeat";
  }

  /** An upstream that wanted tokens may be set up anew to want Basic. */
  #backToBasic(challenges: readonly Challenge[], sent: string | undefined): boolean {
    if (
      this.#basic === undefined ||
      sent === this.#basic ||
      !challenges.some(({ scheme }) => scheme === "basic")
    ) {
      return false;
    }
    this.#tokens = undefined;
    return true;
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

/** The token was good, and does not permit this: another would not either. */
function isInsufficient({ parameters }: Challenge): boolean {
  return parameters.get("error") === "insufficient_scope";
}
