import type { Agent } from "node:http";
import type { CompleteUpstream } from "../config/complete.ts";
import { type ForwardingOptions, forwardedHeaders } from "../protocol/forwarding.ts";
import { firstValue } from "../protocol/headers.ts";
import type { Agents } from "./agents.ts";
import { type Answer, ask, type Destination, type Question, StaleConnection } from "./ask.ts";
import { type AskWith, AuthorizedAsker } from "./authorized-asker.ts";
import type { Credentials, Unauthorized } from "./credentials.ts";
import { type Errand, isRead, isRepeatable, noBody, type OwnErrand, type Sender } from "./errand.ts";
import { followRedirects, isRedirect } from "./redirects.ts";

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
      headers: this.#headersWithBody(errand, from, { authorization, neutral }),
      ...(errand.body !== undefined && { body: errand.body }),
      signal: from.signal,
      ...(errand.lastChance === true && { patience: lastChancePatience }),
    });
    const answer = await this.#authorized.ask(errand.scope, this.passedThrough(from), question);
    const follows = this.#config.redirects === "follow" && isRead(errand.method);
    return follows ? this.#followed(answer, errand, question(undefined, true)) : answer;
  }

  /**
   * Asks on nobody's behalf, with the router's own credentials. What streams is sent once: before it, a request without a body
   * has to have shown how the upstream wants to be addressed.
   * @throws UpstreamFailure, ClientGone; CopyFailure if that is what a body that streams broke off with
   */
  async askAlone(own: OwnErrand, signal: AbortSignal): Promise<Answer> {
    const { errand, stream } = own;
    const question: AskWith = (authorization) => ({
      method: errand.method,
      path: this.target(errand),
      headers: ownHeaders(own, this.#via, authorization),
      ...(stream === undefined ? errand.body !== undefined && { body: errand.body } : { body: stream.bytes }),
      signal,
    });
    if (stream !== undefined) {
      return this.#authorized.askOnce(errand.scope, own.authorization, question);
    }
    const answer = await this.#authorized.ask(errand.scope, own.authorization, question);
    return own.follows === true ? this.#followed(answer, errand, question(undefined, true)) : answer;
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

  /** A client that sends its body in chunks has told no length. */
  #headersWithBody(
    errand: Errand,
    from: Sender,
    options: Pick<ForwardingOptions, "authorization" | "neutral">,
  ): string[] {
    const { body } = errand;
    if (body === undefined) {
      return [...this.headers(errand, from, { ...options, body: "none" }), ...noBody(errand.method)];
    }
    const headers = this.headers(errand, from, { ...options, body: "typed" });
    return firstValue(headers, "content-length") === undefined
      ? [...headers, "Content-Length", String(body.length)]
      : headers;
  }

  async #followed(answer: Answer, errand: Errand, question: Question): Promise<Answer> {
    if (!isRedirect(answer)) {
      return answer;
    }
    const address = new URL(this.target(errand), this.#config.url);
    return followRedirects(answer, address, question, (url, next) => this.#askElsewhere(url, next));
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
    const { connect, headers, write, idle } = this.#config.timeouts;
    // To close an upload, a registry reads and moves a whole layer before it answers.
    const answerTimeout = isRead(method) ? Math.min(headers, patience ?? headers) : write;
    return { url, agent, connectTimeout: Math.min(connect, patience ?? connect), answerTimeout, idle };
  }
}

function ownHeaders(
  { errand, accept, contentType, stream }: OwnErrand,
  via: string,
  authorization: string | undefined,
): string[] {
  const { method, range, body } = errand;
  const length = stream === undefined ? body?.length : stream.length;
  return [
    ...accept.flatMap((types) => ["Accept", types]),
    "Accept-Encoding",
    "identity",
    "Via",
    `1.1 ${via}`,
    ...(range === undefined ? [] : ["Range", range]),
    ...(contentType === undefined ? [] : ["Content-Type", contentType]),
    ...(length === undefined ? [] : ["Content-Length", String(length)]),
    ...(stream === undefined && body === undefined ? noBody(method) : []),
    ...(authorization === undefined ? [] : ["Authorization", authorization]),
  ];
}
