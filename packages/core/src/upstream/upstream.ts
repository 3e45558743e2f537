import type { Agent, IncomingMessage } from "node:http";
import type { CompleteUpstream } from "../config/complete.ts";
import { type ClientConnection, type ForwardingOptions, forwardedHeaders } from "../protocol/forwarding.ts";
import type { Member } from "../routing/member.ts";
import { type Agents, createAgents } from "./agents.ts";
import { type Answer, ask, type Destination, type Question, StaleConnection } from "./ask.ts";
import { type AskWith, AuthorizedAsker } from "./authorized-asker.ts";
import { errorBodyLimit, readBounded } from "./bounded-body.ts";
import { Credentials, type Scope } from "./credentials.ts";
import { type Delivery, Forwarder } from "./forwarder.ts";
import { followRedirects, isRedirect } from "./redirects.ts";
import { requestTokenOver } from "./token-request.ts";

/** On whose behalf an upstream is asked. */
export interface Sender {
  readonly request: IncomingMessage;
  readonly client: ClientConnection;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

/** What to ask an upstream on behalf of a client. */
export interface Errand {
  readonly method: string;
  /** As parsed: begins with `/v2/`. */
  readonly path: string;
  /** `?` and what follows, or empty. */
  readonly search: string;
  /** What a token for this has to permit. */
  readonly scope: Scope;
  /** Whether the body is the content of a blob, whose type says nothing. */
  readonly opaque?: boolean;
  /** Whether the answer is read here, so that no part of it and no 304 will do. */
  readonly whole?: boolean;
}

/** What the router as a whole contributes to every upstream. */
export interface UpstreamContext {
  /** The router's name in `Via`. */
  readonly via: string;
  /** Milliseconds that a client may stand still. */
  readonly clientIdle: number;
}

/** One registry behind the router: its connections, its credentials, its deadlines. */
export class Upstream implements Member {
  readonly name: string;
  readonly kind: "hosted" | "proxy";
  readonly passthrough: boolean;
  readonly url: URL;
  readonly timeouts: CompleteUpstream["timeouts"];
  /** Whether the router has a user of its own there. */
  readonly hasCredentials: boolean;
  readonly #followsRedirects: boolean;
  readonly #agents: Agents;
  readonly #credentials: Credentials | undefined;
  readonly #authorized: AuthorizedAsker;
  readonly #forwarder: Forwarder;
  readonly #via: string;
  /** What stands before `/v2/` in this upstream's paths. */
  readonly #prefix: string;

  constructor(config: CompleteUpstream, context: UpstreamContext) {
    this.name = config.name;
    this.kind = config.kind;
    this.url = config.url;
    this.timeouts = config.timeouts;
    this.passthrough = config.auth === "passthrough";
    this.hasCredentials = typeof config.auth === "object";
    this.#followsRedirects = config.redirects === "follow";
    this.#via = context.via;
    this.#prefix = config.url.pathname === "/" ? "" : config.url.pathname;
    this.#agents = createAgents(config);
    this.#credentials =
      config.auth === "passthrough"
        ? undefined
        : new Credentials(config.auth, config.url, requestTokenOver(this.#agents, config.url));
    this.#authorized = new AuthorizedAsker(
      this.#credentials,
      (question) => this.#askOnce(question),
      config.timeouts.idle,
    );
    this.#forwarder = new Forwarder(config.url, this.#agents, {
      connectTimeout: config.timeouts.connect,
      answerTimeout: config.timeouts.write,
      upstreamIdle: config.timeouts.idle,
      clientIdle: context.clientIdle,
    });
  }

  /**
   * Asks on behalf of a client: one request, but for a token to be fetched or a kept connection found dead.
   * @throws UpstreamFailure, ClientGone
   */
  async ask(errand: Errand, from: Sender): Promise<Answer> {
    const question: AskWith = (authorization, neutral) => ({
      method: errand.method,
      path: this.#target(errand),
      headers: [
        ...this.#headers(errand, from, { authorization, body: "none", neutral }),
        ...noBody(errand.method),
      ],
      signal: from.signal,
    });
    const answer = await this.#authorized.ask(errand.scope, this.#passedThrough(from), question);
    if (!this.#followsRedirects || !isRedirect(answer) || !isRead(errand.method)) {
      return answer;
    }
    const address = new URL(this.#target(errand), this.url);
    return followRedirects(answer, address, question(undefined, true), (url, next) =>
      this.#askElsewhere(url, next),
    );
  }

  /**
   * Streams a client's request, body and all, to this upstream.
   * @throws UpstreamFailure, ClientGone
   */
  async forward(
    errand: Errand,
    from: Sender,
    delivery: Pick<Delivery, "response" | "moved">,
  ): Promise<Answer> {
    if (this.#credentials?.needsProbe() === true) {
      // The body cannot be sent twice, so how the upstream wants to be addressed is found out without one.
      await this.ping(from.signal);
    }
    const sent = await this.#credentials?.header(errand.scope);
    const answer = await this.#forwarder.forward({
      ...delivery,
      request: from.request,
      method: errand.method,
      path: this.#target(errand),
      headers: this.#headers(errand, from, {
        authorization: sent ?? this.#passedThrough(from),
        body: errand.opaque === true ? "opaque" : "typed",
      }),
      signal: from.signal,
    });
    this.#authorized.learn(answer, { sent, scope: errand.scope, neutral: false });
    return answer;
  }

  /**
   * The status of this upstream's `/v2/`, asked with the router's own credentials.
   * @throws UpstreamFailure, ClientGone
   */
  async ping(signal: AbortSignal): Promise<number> {
    const answer = await this.#authorized.ask([], undefined, (authorization) => ({
      method: "GET",
      path: `${this.#prefix}/v2/`,
      headers: [
        "Via",
        `1.1 ${this.#via}`,
        ...(authorization === undefined ? [] : ["Authorization", authorization]),
      ],
      signal,
    }));
    await readBounded(answer.body, errorBodyLimit, this.timeouts.ping);
    return answer.status;
  }

  /** Closes every connection, used or kept. */
  close(): void {
    this.#agents.close();
  }

  #passedThrough({ request }: Sender): string | undefined {
    return this.passthrough ? request.headers.authorization : undefined;
  }

  async #askOnce(question: Question): Promise<Answer> {
    const destination = this.#destination(this.url, this.#agents.pooled, question.method);
    try {
      return await ask(destination, question);
    } catch (error) {
      // A DELETE that got through before the connection broke would be answered 404 the second time.
      if (!(error instanceof StaleConnection) || question.method === "DELETE" || question.method === "PUT") {
        throw error;
      }
      return ask({ ...destination, agent: this.#agents.fresh }, question);
    }
  }

  #askElsewhere(url: URL, question: Question): Promise<Answer> {
    const agent = url.origin === this.url.origin ? this.#agents.pooled : this.#agents.elsewhere(url);
    return ask(this.#destination(url, agent, question.method), question);
  }

  #destination(url: URL, agent: Agent, method: string): Destination {
    const { connect, headers, write } = this.timeouts;
    // To close an upload, a registry reads and moves a whole layer before it answers.
    return { url, agent, connectTimeout: connect, answerTimeout: isRead(method) ? headers : write };
  }

  #target({ path, search }: Errand): string {
    return `${this.#prefix}${path}${search}`;
  }

  #headers(
    { whole = false }: Errand,
    { request, client }: Sender,
    options: Pick<ForwardingOptions, "authorization" | "body" | "neutral">,
  ): string[] {
    return forwardedHeaders(request.rawHeaders, {
      client,
      whole,
      via: this.#via,
      passthrough: this.passthrough,
      ...options,
    });
  }
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** A method that usually has a body says so when it has none. */
function noBody(method: string): string[] {
  return isRead(method) || method === "DELETE" ? [] : ["Content-Length", "0"];
}
