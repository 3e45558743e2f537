import type { CompleteUpstream } from "../config/complete.ts";
import { type ForwardingOptions, forwardedHeaders } from "../protocol/forwarding.ts";
import { firstValue } from "../protocol/headers.ts";
import type { Credentials, Unauthorized } from "./auth/credentials.ts";
import { type AskWith, AuthTransport } from "./auth/transport.ts";
import { bodyHeaders, type InternalRequest, isRead, type Origin, type UpstreamRequest } from "./request.ts";
import type { AgentPools, Agents } from "./transport/agents.ts";
import { followRedirects, isRedirect } from "./transport/redirects.ts";
import { type Address, addressOf, ask, type HttpRequest, type UpstreamResponse } from "./transport/send.ts";

// What an upstream gets to answer that was left out for being late. A cache has what it has at once. Milliseconds.
const bypassTimeout = 1_000;

/** Puts questions to one upstream: their addresses, headers, credentials, connections and deadlines. */
export class UpstreamClient {
  readonly #config: CompleteUpstream;
  readonly #via: string;
  readonly #agents: Agents;
  readonly #authorized: AuthTransport;
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
    this.#authorized = new AuthTransport(
      credentials,
      (question) => this.#askHere(question),
      config.timeouts.idle,
    );
  }

  /**
   * Asks on behalf of a client.
   * @throws UpstreamFailure, ClientGone
   */
  ask(asked: UpstreamRequest, from: Origin): Promise<UpstreamResponse> {
    return this.#authorized.ask(asked.scope, this.passedThrough(from), (authorization, neutral) =>
      this.#question(asked, from, { authorization, neutral }),
    );
  }

  /**
   * Follows the redirects of an answer where that is wanted, or where the answer is read here.
   * @throws UpstreamFailure, ClientGone
   */
  async follow(answer: UpstreamResponse, asked: UpstreamRequest, from: Origin): Promise<UpstreamResponse> {
    return this.#follows(answer, asked)
      ? this.#followed(
          answer,
          asked,
          this.#question(asked, from, { authorization: undefined, neutral: true }),
        )
      : answer;
  }

  // 303 leads to another resource than the one asked for (RFC 9110 15.4.4), and that is not read in its place: ghcr.io
  // answers so where it has no referrers API.
  #follows({ status }: UpstreamResponse, { method, whole = false }: UpstreamRequest): boolean {
    const wanted = whole ? status !== 303 : this.#config.redirects === "follow";
    return wanted && isRead(method);
  }

  /**
   * Asks on nobody's behalf, with the router's own credentials. What streams is sent once: before it, a request without a body
   * has to have shown how the upstream wants to be addressed.
   * @param timeout milliseconds for connection and headers, if it is to be less than usual
   * @throws UpstreamFailure, ClientGone; CopyFailure if that is what a body that streams broke off with
   */
  sendInternal(own: InternalRequest, signal: AbortSignal, timeout?: number): Promise<UpstreamResponse> {
    const { asked: errand, stream, authorization } = own;
    const askWith: AskWith = (header) => this.#ownQuestion(own, signal, header, timeout);
    return stream === undefined
      ? this.#authorized.ask(errand.scope, authorization, askWith)
      : this.#authorized.askOnce(errand.scope, authorization, askWith);
  }

  /**
   * Follows the redirects of an answer to what was asked on nobody's behalf, where that is wanted.
   * @throws UpstreamFailure, ClientGone
   */
  async followAlone(
    answer: UpstreamResponse,
    own: InternalRequest,
    signal: AbortSignal,
  ): Promise<UpstreamResponse> {
    return own.follows === true
      ? this.#followed(answer, own.asked, this.#ownQuestion(own, signal, undefined))
      : answer;
  }

  /**
   * Asks on nobody's behalf and without credentials.
   * @throws UpstreamFailure, ClientGone
   */
  sendAnonymously(own: InternalRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    return this.#askHere(this.#ownQuestion(own, signal, undefined));
  }

  /** Shows the credentials an answer to a request that was not sent from here. */
  learn(answer: UpstreamResponse, asked: Omit<Unauthorized, "challenges">): void {
    this.#authorized.learn(answer, asked);
  }

  /** Path and query at this upstream. */
  target({ path, search }: UpstreamRequest): string {
    return `${this.#prefix}${path}${search}`;
  }

  /** Everything but `Host`. */
  headers(
    { whole = false, range, accept }: UpstreamRequest,
    { request, client }: Origin,
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
  passedThrough({ request }: Origin): string | undefined {
    return this.#config.auth === "passthrough" ? request.headers.authorization : undefined;
  }

  #question(
    asked: UpstreamRequest,
    from: Origin,
    options: Pick<ForwardingOptions, "authorization" | "neutral">,
  ): HttpRequest {
    return {
      method: asked.method,
      path: this.target(asked),
      headers: this.#headersWithBody(asked, from, options),
      ...(asked.body !== undefined && { body: asked.body }),
      signal: from.signal,
      ...(asked.bypassBreaker === true && { timeout: bypassTimeout }),
    };
  }

  #ownQuestion(
    own: InternalRequest,
    signal: AbortSignal,
    authorization: string | undefined,
    timeout?: number,
  ): HttpRequest {
    const body = own.stream?.bytes ?? own.asked.body;
    return {
      method: own.asked.method,
      path: this.target(own.asked),
      headers: ownHeaders(own, this.#via, authorization),
      ...(body !== undefined && { body }),
      signal,
      ...(timeout !== undefined && { timeout }),
    };
  }

  /** A client that sends its body in chunks has told no length. */
  #headersWithBody(
    asked: UpstreamRequest,
    from: Origin,
    options: Pick<ForwardingOptions, "authorization" | "neutral">,
  ): string[] {
    const { body, type } = asked;
    if (body === undefined || type !== undefined) {
      return [...this.headers(asked, from, { ...options, body: "none" }), ...bodyHeaders(asked)];
    }
    const headers = this.headers(asked, from, { ...options, body: "typed" });
    return firstValue(headers, "content-length") === undefined
      ? [...headers, "Content-Length", String(body.length)]
      : headers;
  }

  async #followed(
    answer: UpstreamResponse,
    asked: UpstreamRequest,
    question: HttpRequest,
  ): Promise<UpstreamResponse> {
    if (!isRedirect(answer)) {
      return answer;
    }
    const address = new URL(this.target(asked), this.#config.url);
    return followRedirects(answer, address, question, (url, next) => this.#askElsewhere(url, next));
  }

  #askHere(question: HttpRequest): Promise<UpstreamResponse> {
    return this.#askAt(this.#address, this.#agents, question);
  }

  #askElsewhere(url: URL, question: HttpRequest): Promise<UpstreamResponse> {
    const isHere = url.origin === this.#config.url.origin;
    return this.#askAt(addressOf(url), isHere ? this.#agents : this.#agents.elsewhere(url), question);
  }

  #askAt(address: Address, connections: AgentPools, question: HttpRequest): Promise<UpstreamResponse> {
    const { connect, headers, write, idle } = this.#config.timeouts;
    const { method, timeout: patience } = question;
    // To close an upload, a registry reads and moves a whole layer before it answers.
    const answerTimeout = isRead(method) ? Math.min(headers, patience ?? headers) : write;
    const connectTimeout = Math.min(connect, patience ?? connect);
    const upstream = this.#config.name;
    return ask(connections, { upstream, address, connectTimeout, answerTimeout, idle }, question);
  }
}

function ownHeaders(
  { asked: errand, accept, stream }: InternalRequest,
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
