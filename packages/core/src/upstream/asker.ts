import type { CompleteUpstream } from "../config/complete.ts";
import { type ForwardingOptions, forwardedHeaders } from "../protocol/forwarding.ts";
import type { Agents, Connections } from "./agents.ts";
import { type Answer, ask, type Question } from "./ask.ts";
import { AuthorizedAsker } from "./authorized-asker.ts";
import type { Credentials, Unauthorized } from "./credentials.ts";
import { type Errand, isRead, noBody, type OwnErrand, type Sender } from "./errand.ts";
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
   * Follows the redirects of an answer, where that is wanted.
   * @throws UpstreamFailure, ClientGone
   */
  async follow(answer: Answer, errand: Errand, from: Sender): Promise<Answer> {
    if (this.#config.redirects === "pass" || !isRedirect(answer) || !isRead(errand.method)) {
      return answer;
    }
    const address = new URL(this.target(errand), this.#config.url);
    const question = this.#question(errand, from, { authorization: undefined, neutral: true });
    return followRedirects(answer, address, question, (url, next) => this.#askElsewhere(url, next));
  }

  /**
   * Asks on nobody's behalf, with the router's own credentials.
   * @param patience milliseconds for connection and headers, if it is to be less than usual
   * @throws UpstreamFailure, ClientGone
   */
  askAlone({ errand, accept }: OwnErrand, signal: AbortSignal, patience?: number): Promise<Answer> {
    return this.#authorized.ask(errand.scope, undefined, (authorization) => ({
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
      ...(patience !== undefined && { patience }),
    }));
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

  #question(
    errand: Errand,
    from: Sender,
    options: Pick<ForwardingOptions, "authorization" | "neutral">,
  ): Question {
    return {
      method: errand.method,
      path: this.target(errand),
      headers: [...this.headers(errand, from, { ...options, body: "none" }), ...noBody(errand.method)],
      signal: from.signal,
      ...(errand.lastChance === true && { patience: lastChancePatience }),
    };
  }

  #askHere(question: Question): Promise<Answer> {
    return this.#askAt(this.#config.url, this.#agents, question);
  }

  #askElsewhere(url: URL, question: Question): Promise<Answer> {
    const isHere = url.origin === this.#config.url.origin;
    return this.#askAt(url, isHere ? this.#agents : this.#agents.elsewhere(url), question);
  }

  #askAt(url: URL, connections: Connections, question: Question): Promise<Answer> {
    const { connect, headers, write } = this.#config.timeouts;
    const { method, patience } = question;
    // To close an upload, a registry reads and moves a whole layer before it answers.
    const answerTimeout = isRead(method) ? Math.min(headers, patience ?? headers) : write;
    const connectTimeout = Math.min(connect, patience ?? connect);
    return ask(connections, { url, connectTimeout, answerTimeout }, question);
  }
}
