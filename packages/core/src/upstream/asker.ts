import type { CompleteUpstream } from "../config/complete.ts";
import { type ForwardingOptions, forwardedHeaders } from "../protocol/forwarding.ts";
import { firstValue } from "../protocol/headers.ts";
import type { Agents, Connections } from "./agents.ts";
import { type Address, type Answer, addressOf, ask, type Question } from "./ask.ts";
import { type AskWith, AuthorizedAsker } from "./authorized-asker.ts";
import type { Credentials, Unauthorized } from "./credentials.ts";
import { bodyHeaders, type Errand, isRead, type OwnErrand, type Sender } from "./errand.ts";
import { followRedirects, isRedirect } from "./redirects.ts";

// What an upstream gets to answer that was left out for being late. A cache has what it has at once. Milliseconds.
const lastChancePatience = 1_000;

/** Puts questions to one upstream: their addresses, headers, credentials, connections and deadlines. */
export class Asker {
  readonly #config: CompleteUpstream;
  readonly #via: string;
  readonly #agents: Agents;
  readonly #authorized: AuthorizedAsker;
  readonly #address: Address;
  /** What stands before `/v2/` in this upstream's paths. */
  readonly #prefix: string;

  constructor(
    config: CompleteUpstream,
    { via, agents, credentials }: { via: string; agents: Agents; credentials: Credentials | undefined },
  ) {
    this.#config = config;
    this.#via = via;
    this.#agents = agents;
    this.#address = addressOf(config.url);
    this.#prefix = config.url.pathname === "/" ? "" : config.url.pathname;
    this.#authorized = new AuthorizedAsker(
      credentials,
      (question) => this.#askHere(question),
      config.timeouts.idle,
    );
  }

  /**
   * Asks on behalf of a client.
   * @throws UpstreamFailure, ClientGone
   */
  ask(errand: Errand, from: Sender): Promise<Answer> {
    return this.#authorized.ask(errand.scope, this.passedThrough(from), (authorization, neutral) =>
      this.#question(errand, from, { authorization, neutral }),
    );
  }

  /**
   * Follows the redirects of an answer where that is wanted, or where the answer is read here.
   * @throws UpstreamFailure, ClientGone
   */
  async follow(answer: Answer, errand: Errand, from: Sender): Promise<Answer> {
    return this.#follows(answer, errand)
      ? this.#followed(
          answer,
          errand,
          this.#question(errand, from, { authorization: undefined, neutral: true }),
        )
      : answer;
  }

  // 303 leads to another resource than the one asked for (RFC 9110 15.4.4), and that is not read in its place: ghcr.io
  // answers so where it has no referrers API.
  #follows({ status }: Answer, { method, whole = false }: Errand): boolean {
    const wanted = whole ? status !== 303 : this.#config.redirects === "follow";
    return wanted && isRead(method);
  }

  /**
   * Asks on nobody's behalf, with the router's own credentials. What streams is sent once: before it, a request without a body
   * has to have shown how the upstream wants to be addressed.
   * @param patience milliseconds for connection and headers, if it is to be less than usual
   * @throws UpstreamFailure, ClientGone; CopyFailure if that is what a body that streams broke off with
   */
  askAlone(own: OwnErrand, signal: AbortSignal, patience?: number): Promise<Answer> {
    const { errand, stream, authorization } = own;
    const askWith: AskWith = (header) => this.#ownQuestion(own, signal, header, patience);
    return stream === undefined
      ? this.#authorized.ask(errand.scope, authorization, askWith)
      : this.#authorized.askOnce(errand.scope, authorization, askWith);
  }

  /**
   * Follows the redirects of an answer to what was asked on nobody's behalf, where that is wanted.
   * @throws UpstreamFailure, ClientGone
   */
  async followAlone(answer: Answer, own: OwnErrand, signal: AbortSignal): Promise<Answer> {
    return own.follows === true
      ? this.#followed(answer, own.errand, this.#ownQuestion(own, signal, undefined))
      : answer;
  }

  /**
   * Asks on nobody's behalf and without credentials.
   * @throws UpstreamFailure, ClientGone
   */
  askAsStranger(own: OwnErrand, signal: AbortSignal): Promise<Answer> {
    return this.#askHere(this.#ownQuestion(own, signal, undefined));
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
    { whole = false, range, accept }: Errand,
    { request, client }: Sender,
    options: Pick<ForwardingOptions, "authorization" | "body" | "neutral">,
  ): string[] {
    return forwardedHeaders(request.rawHeaders, {
      client,
      whole,
      range,
      accept,
      via: this.#via,
      passthrough: this.#config.auth === "passthrough",
      ...options,
    });
  }

  /** The client's own `Authorization`, where that is for the upstream to judge. */
  passedThrough({ request }: Sender): string | undefined {
    return this.#config.auth === "passthrough" ? request.headers.authorization : undefined;
  }

  #question(
    errand: Errand,
    from: Sender,
    options: Pick<ForwardingOptions, "authorization" | "neutral">,
  ): Question {
    return {
      method: errand.method,
      path: this.target(errand),
      headers: this.#headersWithBody(errand, from, options),
      ...(errand.body !== undefined && { body: errand.body }),
      signal: from.signal,
      ...(errand.lastChance === true && { patience: lastChancePatience }),
    };
  }

  #ownQuestion(
    own: OwnErrand,
    signal: AbortSignal,
    authorization: string | undefined,
    patience?: number,
  ): Question {
    const body = own.stream?.bytes ?? own.errand.body;
    return {
      method: own.errand.method,
      path: this.target(own.errand),
      headers: ownHeaders(own, this.#via, authorization),
      ...(body !== undefined && { body }),
      signal,
      ...(patience !== undefined && { patience }),
    };
  }

  /** A client that sends its body in chunks has told no length. */
  #headersWithBody(
    errand: Errand,
    from: Sender,
    options: Pick<ForwardingOptions, "authorization" | "neutral">,
  ): string[] {
    const { body, type } = errand;
    if (body === undefined || type !== undefined) {
      return [...this.headers(errand, from, { ...options, body: "none" }), ...bodyHeaders(errand)];
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

  #askHere(question: Question): Promise<Answer> {
    return this.#askAt(this.#address, this.#agents, question);
  }

  #askElsewhere(url: URL, question: Question): Promise<Answer> {
    const isHere = url.origin === this.#config.url.origin;
    return this.#askAt(addressOf(url), isHere ? this.#agents : this.#agents.elsewhere(url), question);
  }

  #askAt(address: Address, connections: Connections, question: Question): Promise<Answer> {
    const { connect, headers, write, idle } = this.#config.timeouts;
    const { method, patience } = question;
    // To close an upload, a registry reads and moves a whole layer before it answers.
    const answerTimeout = isRead(method) ? Math.min(headers, patience ?? headers) : write;
    const connectTimeout = Math.min(connect, patience ?? connect);
    const upstream = this.#config.name;
    return ask(connections, { upstream, address, connectTimeout, answerTimeout, idle }, question);
  }
}

function ownHeaders(
  { errand, accept, stream }: OwnErrand,
  via: string,
  authorization: string | undefined,
): string[] {
  const { range } = errand;
  return [
    ...accept.flatMap((types) => ["Accept", types]),
    "Accept-Encoding",
    "identity",
    "Via",
    `1.1 ${via}`,
    ...(range === undefined ? [] : ["Range", range]),
    ...bodyHeaders(errand, stream),
    ...(authorization === undefined ? [] : ["Authorization", authorization]),
  ];
}
