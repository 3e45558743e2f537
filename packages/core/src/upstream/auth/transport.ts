import { UpstreamFailure } from "../../errors.ts";
import { valuesOf } from "../../protocol/headers.ts";
import type { Scope } from "../../protocol/token-scope.ts";
import { errorBodyLimit, readUpTo } from "../transport/read-body.ts";
import type { HttpRequest, UpstreamResponse } from "../transport/send.ts";
import type { Credentials, Offer, Remedy, Unauthorized } from "./credentials.ts";

const refusals: Partial<Record<Remedy, string>> = {
  "user refused": "refused the router's credentials",
  "realm refused": "asks for tokens from nowhere, or from where they would travel less safely",
};

/** Makes a question with this `Authorization`; a neutral one says nothing about a client. */
export type AskWith = (authorization: string | undefined, neutral: boolean) => HttpRequest;

/** Asks with the router's credentials, and deals with an upstream's wish for others. */
export class AuthTransport {
  readonly #credentials: Credentials | undefined;
  readonly #send: (question: HttpRequest) => Promise<UpstreamResponse>;
  readonly #timeout: number;
  /** The request that is finding out where tokens come from, so that a crowd at the start asks once. Never rejects. */
  #discovery: Promise<void> | undefined;

  /**
   * @param credentials undefined where the client's own are passed through
   * @param timeout milliseconds for the text of a refusal
   */
  constructor(
    credentials: Credentials | undefined,
    send: (question: HttpRequest) => Promise<UpstreamResponse>,
    timeout: number,
  ) {
    this.#credentials = credentials;
    this.#send = send;
    this.#timeout = timeout;
  }

  /**
   * Sends, and sends once more if the upstream refuses and the credentials then have something new to offer.
   * @param passedThrough what is sent where there are no credentials
   * @throws UpstreamFailure (`refused`) where the router could not make itself known; else as sending does
   */
  async ask(scope: Scope, passedThrough: string | undefined, askWith: AskWith): Promise<UpstreamResponse> {
    const credentials = this.#credentials;
    if (credentials === undefined) {
      return this.#send(askWith(passedThrough, false));
    }
    const sent = await credentials.headerAtFirst(scope);
    let answer = await this.#send(askWith(sent, false));
    let remedy = this.learn(answer, { sent, scope, neutral: false });
    if (remedy === "ask neutrally" && this.#discovery !== undefined) {
      await this.#discovery;
      remedy = this.learn(answer, { sent, scope, neutral: false });
    }
    if (remedy === "ask neutrally") {
      await this.#setAside(answer);
      [answer, remedy] = await this.#discover(askWith(sent, true), { sent, scope });
    }
    if (remedy === "repeat") {
      await this.#setAside(answer);
      const better = await credentials.header(scope);
      answer = await this.#send(askWith(better, false));
      remedy = this.learn(answer, { sent: better, scope, neutral: false });
    }
    const cause = refusals[remedy];
    if (cause !== undefined) {
      await this.#setAside(answer);
      throw new UpstreamFailure("refused", `${cause} (${answer.status})`, { status: answer.status });
    }
    return answer;
  }

  /** Sends what cannot be sent again: a refusal stands, but is learned from. */
  async askOnce(
    scope: Scope,
    passedThrough: string | undefined,
    askWith: AskWith,
  ): Promise<UpstreamResponse> {
    const sent = this.#credentials === undefined ? passedThrough : await this.#credentials.header(scope);
    const answer = await this.#send(askWith(sent, false));
    this.learn(answer, { sent, scope, neutral: false });
    return answer;
  }

  /** Shows an answer to the credentials. */
  learn({ status, headers }: UpstreamResponse, asked: Omit<Unauthorized, "challenges">): Remedy {
    if (status !== 401) {
      this.#credentials?.accepted(asked);
      return "none";
    }
    const challenges = valuesOf(headers, "www-authenticate");
    return this.#credentials?.refused({ ...asked, challenges }) ?? "none";
  }

  #discover(question: HttpRequest, offer: Offer): Promise<[UpstreamResponse, Remedy]> {
    const found = this.#send(question).then((answer): [UpstreamResponse, Remedy] => [
      answer,
      this.learn(answer, { ...offer, neutral: true }),
    ]);
    const end = () => {
      this.#discovery = undefined;
    };
    this.#discovery = found.then(end, end);
    return found;
  }

  /** Reads an answer to its end, so that its connection can be used again. */
  async #setAside({ body }: UpstreamResponse): Promise<void> {
    await readUpTo(body, errorBodyLimit, this.#timeout);
  }
}
