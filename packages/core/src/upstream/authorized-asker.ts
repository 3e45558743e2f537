import { valuesOf } from "../protocol/headers.ts";
import type { Answer, Question } from "./ask.ts";
import { errorBodyLimit, readBounded } from "./bounded-body.ts";
import type { Credentials, Remedy, Scope, Unauthorized } from "./credentials.ts";

/** Makes a question with this `Authorization`; a neutral one says nothing about a client. */
export type AskWith = (authorization: string | undefined, neutral: boolean) => Question;

/** Asks with the router's credentials, and deals with an upstream's wish for others. */
export class AuthorizedAsker {
  readonly #credentials: Credentials | undefined;
  readonly #send: (question: Question) => Promise<Answer>;
  readonly #patience: number;

  /**
   * @param credentials undefined where the client's own are passed through
   * @param patience milliseconds for the text of a refusal
   */
  constructor(
    credentials: Credentials | undefined,
    send: (question: Question) => Promise<Answer>,
    patience: number,
  ) {
    this.#credentials = credentials;
    this.#send = send;
    this.#patience = patience;
  }

  /**
   * Sends, and sends once more if the upstream refuses and the credentials then have something new to offer.
   * @param passedThrough what is sent where there are no credentials
   */
  async ask(scope: Scope, passedThrough: string | undefined, askWith: AskWith): Promise<Answer> {
    const credentials = this.#credentials;
    if (credentials === undefined) {
      return this.#send(askWith(passedThrough, false));
    }
    const sent = await credentials.header(scope);
    let answer = await this.#send(askWith(sent, false));
    let remedy = this.learn(answer, { sent, scope, neutral: false });
    if (remedy === "ask neutrally") {
      await this.#setAside(answer);
      answer = await this.#send(askWith(sent, true));
      remedy = this.learn(answer, { sent, scope, neutral: true });
    }
    if (remedy !== "repeat") {
      return answer;
    }
    await this.#setAside(answer);
    return this.#send(askWith(await credentials.header(scope), false));
  }

  /** Sends what cannot be sent again: a refusal stands, but is learned from. */
  async askOnce(scope: Scope, passedThrough: string | undefined, askWith: AskWith): Promise<Answer> {
    const sent = this.#credentials === undefined ? passedThrough : await this.#credentials.header(scope);
    const answer = await this.#send(askWith(sent, false));
    this.learn(answer, { sent, scope, neutral: false });
    return answer;
  }

  /** Shows an answer to the credentials. */
  learn({ status, headers }: Answer, asked: Omit<Unauthorized, "challenges">): Remedy {
    if (status !== 401) {
      this.#credentials?.accepted();
      return "none";
    }
    const challenges = valuesOf(headers, "www-authenticate");
    return this.#credentials?.refused({ ...asked, challenges }) ?? "none";
  }

  /** Reads an answer to its end, so that its connection can be used again. */
  async #setAside({ body }: Answer): Promise<void> {
    await readBounded(body, errorBodyLimit, this.#patience);
  }
}
