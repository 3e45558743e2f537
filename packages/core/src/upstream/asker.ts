import type { Agent } from "node:http";
import type { CompleteUpstream } from "../config/complete.ts";
import { type ForwardingOptions, forwardedHeaders } from "../protocol/forwarding.ts";
import type { Agents } from "./agents.ts";
import { type Answer, ask, type Destination, type Question, StaleConnection } from "./ask.ts";
import { type AskWith, AuthorizedAsker } from "./authorized-asker.ts";
import type { Credentials, Unauthorized } from "./credentials.ts";
import { type Errand, isRead, isRepeatable, noBody, type Sender } from "./errand.ts";
import { followRedirects, isRedirect } from "./redirects.ts";

/** What a request without a client is made of. */
export interface OwnErrand {
  readonly errand: Errand;
  /** `Accept` values. */
  readonly accept: readonly string[];
}

// What an upstream gets to answer that was left out for being late. A cache has what it has at once. Milliseconds.
const lastChancePatience = 1_000;

/** Puts questions to one upstream: their addresses, headers, credentials, connections and deadlines. */
export class Asker {
  readonly #config: CompleteUpstream;
  readonly #via: string;
  readonly #agents: Agents;
  readonly #authorized: AuthorizedAsker;
  /** What stands before `/v2/` in this upstream's paths. */
  readonly #prefix: string;

  constructor(
    config: CompleteUpstream,
    { via, agents, credentials }: { via: string; agents: Agents; credentials: Credentials | undefined },
  ) {
    this.#config = config;
    this.#via = via;
    this.#agents = agents;
    this.#prefix = config.url.pathname === "/" ? "" : config.url.pathname;
    this.#authorized = new AuthorizedAsker(
      credentials,
      (question) => this.#askOnce(question),
      config.timeouts.idle,
    );
  }

  /**
   * Asks on behalf of a client, and follows redirects where that is wanted.
   * @throws UpstreamFailure, ClientGone
   */
  async ask(errand: Errand, from: Sender): Promise<Answer> {
    const question: AskWith = (authorization, neutral) => ({
      method: errand.method,
      path: this.target(errand),
      headers: [
        ...this.headers(errand, from, { authorization, body: "none", neutral }),
        ...noBody(errand.method),
      ],
      signal: from.signal,
      ...(errand.lastChance === true && { patience: lastChancePatience }),
    });
    const answer = await this.#authorized.ask(errand.scope, this.passedThrough(from), question);
    if (this.#config.redirects === "pass" || !isRedirect(answer) || !isRead(errand.method)) {
      return answer;
    }
    const address = new URL(this.target(errand), this.#config.url);
    return followRedirects(answer, address, question(undefined, true), (url, next) =>
      this.#askElsewhere(url, next),
    );
  }

  /**
   * Asks on nobody's behalf, with the router's own credentials.
   * @throws UpstreamFailure, ClientGone
   */
  askAlone(own: OwnErrand, signal: AbortSignal): Promise<Answer> {
    return this.#authorized.ask(own.errand.scope, undefined, (authorization) =>
      this.#ownQuestion(own, signal, authorization),
    );
  }

  /**
   * Asks on nobody's behalf and without credentials.
   * @throws UpstreamFailure, ClientGone
   */
  askAsStranger(own: OwnErrand, signal: AbortSignal): Promise<Answer> {
    return this.#askOnce(this.#ownQuestion(own, signal, undefined));
  }

  /** Shows the credentials an answer to a request that was not sent from here. */
  learn(answer: Answer, asked: Omit<Unauthorized, "challenges">): void {
    this.#authorized.learn(answer, asked);
  }

  /** Path and query at this upstream. */
  target({ path, search }: Errand): string {
    return `${this.#prefix}${path}${search}`;
  }

  /** Everything but `Host`. */
  headers(
    { whole = false, range }: Errand,
    { request, client }: Sender,
    options: Pick<ForwardingOptions, "authorization" | "body" | "neutral">,
  ): string[] {
    return forwardedHeaders(request.rawHeaders, {
      client,
      whole,
      range,
      via: this.#via,
      passthrough: this.#config.auth === "passthrough",
      ...options,
    });
  }

  /** The client's own `Authorization`, where that is for the upstream to judge. */
  passedThrough({ request }: Sender): string | undefined {
    return this.#config.auth === "passthrough" ? request.headers.authorization : undefined;
  }

  #ownQuestion(
    { errand, accept }: OwnErrand,
    signal: AbortSignal,
    authorization: string | undefined,
  ): Question {
    return {
      method: errand.method,
      path: this.target(errand),
      headers: [
        ...accept.flatMap((types) => ["Accept", types]),
        "Accept-Encoding",
        "identity",
        "Via",
        `1.1 ${this.#via}`,
        ...(authorization === undefined ? [] : ["Authorization", authorization]),
      ],
      signal,
    };
  }

  async #askOnce(question: Question): Promise<Answer> {
    const { url } = this.#config;
    if (!isRepeatable(question.method)) {
      return ask(this.#destination(url, this.#agents.fresh, question), question);
    }
    try {
      return await ask(this.#destination(url, this.#agents.pooled, question), question);
    } catch (error) {
      if (error instanceof StaleConnection) {
        return ask(this.#destination(url, this.#agents.fresh, question), question);
      }
      throw error;
    }
  }

  #askElsewhere(url: URL, question: Question): Promise<Answer> {
    const agent = url.origin === this.#config.url.origin ? this.#agents.pooled : this.#agents.elsewhere(url);
    return ask(this.#destination(url, agent, question), question);
  }

  #destination(url: URL, agent: Agent, { method, patience }: Question): Destination {
    const { connect, headers, write } = this.#config.timeouts;
    // To close an upload, a registry reads and moves a whole layer before it answers.
    const answerTimeout = isRead(method) ? Math.min(headers, patience ?? headers) : write;
    return { url, agent, connectTimeout: Math.min(connect, patience ?? connect), answerTimeout };
  }
}
