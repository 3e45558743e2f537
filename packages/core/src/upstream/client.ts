import type { CompleteUpstream } from "../config/complete.ts";
import { isRead, type UpstreamRequest } from "./request.ts";
import { requestHeaders } from "./request-headers.ts";
import type { AgentPools, Agents } from "./transport/agents.ts";
import { Forwarder } from "./transport/http-proxy.ts";
import { readWhole } from "./transport/read-body.ts";
import { followRedirects } from "./transport/redirects.ts";
import { type Address, addressOf, type HttpRequest, send, type UpstreamResponse } from "./transport/send.ts";

// Milliseconds for a request past a circuit that timeouts opened: a cache serves at once what it has.
const bypassTimeout = 1_000;

/** Sends requests to one upstream: addresses, headers, connections and deadlines. */
export class UpstreamClient {
  /** Milliseconds that a body may stand still. */
  readonly idle: number;
  readonly #config: CompleteUpstream;
  readonly #via: string;
  readonly #passthrough: boolean;
  readonly #agents: Agents;
  readonly #address: Address;
  readonly #forwarder: Forwarder;
  /** The path of the configured URL, before `/v2/`. */
  readonly #prefix: string;

  constructor(
    config: CompleteUpstream,
    { via, agents, clientIdle }: { via: string; agents: Agents; clientIdle: number },
  ) {
    this.idle = config.timeouts.idle;
    this.#config = config;
    this.#via = via;
    this.#passthrough = config.auth === "passthrough";
    this.#agents = agents;
    this.#address = addressOf(config.url);
    this.#prefix = config.url.pathname === "/" ? "" : config.url.pathname;
    this.#forwarder = new Forwarder(config, agents, {
      connectTimeout: config.timeouts.connect,
      answerTimeout: config.timeouts.write,
      upstreamIdle: config.timeouts.idle,
      clientIdle,
    });
  }

  /**
   * @param neutral whether to leave out all headers about the client
   * @throws UpstreamFailure, ClientAborted; CopyFailure if the stream that it sends fails with one
   */
  send(
    request: UpstreamRequest,
    authorization: string | undefined,
    neutral: boolean,
  ): Promise<UpstreamResponse> {
    const http = this.#encode(request, authorization, neutral);
    return request.upload === undefined
      ? this.#sendTo(this.#address, this.#agents, http, request.shareable)
      : this.#forwarder.forward({ ...request.upload, ...http });
  }

  follows({ from, method, whole, follows }: UpstreamRequest, { status }: UpstreamResponse): boolean {
    if (from === undefined) {
      return follows === true;
    }
    // 303 leads to another resource than the requested one (RFC 9110 15.4.4). ghcr.io answers it in place of a referrers API.
    const wanted = whole === true ? status !== 303 : this.#config.redirects === "follow";
    return wanted && isRead(method);
  }

  /**
   * What a redirect leads to.
   * @param end `endOfRedirects` for an answer of any status
   * @throws UpstreamFailure, ClientAborted
   */
  followed(
    request: UpstreamRequest,
    response: UpstreamResponse,
    end = followRedirects,
  ): Promise<UpstreamResponse> {
    const http = this.#encode(request, undefined, true);
    const address = new URL(http.path, this.#config.url);
    return end(response, address, http, (url, next) => {
      const isHere = url.origin === this.#config.url.origin;
      const pools = isHere ? this.#agents : this.#agents.elsewhere(url);
      return this.#sendTo(addressOf(url), pools, next, request.shareable);
    });
  }

  /** @param shareable whether to read a shareable response to its end */
  #sendTo(
    address: Address,
    pools: AgentPools,
    http: HttpRequest,
    shareable = false,
  ): Promise<UpstreamResponse> {
    const { connect, headers, write, idle } = this.#config.timeouts;
    const { method, timeout } = http;
    // To close an upload, a registry reads and moves a whole layer before it answers.
    const answerTimeout = isRead(method) ? Math.min(headers, timeout ?? headers) : write;
    const connectTimeout = Math.min(connect, timeout ?? connect);
    const upstream = this.#config.name;
    const response = send(pools, { upstream, address, connectTimeout, answerTimeout, idle }, http);
    return shareable ? response.then((head) => readWhole(head, http, idle)) : response;
  }

  #encode(request: UpstreamRequest, authorization: string | undefined, neutral: boolean): HttpRequest {
    const { method, stream, body, signal, bypassBreaker, timeout } = request;
    return {
      method,
      path: `${this.#prefix}${request.path}${request.search}`,
      headers: requestHeaders(request, {
        authorization,
        neutral,
        via: this.#via,
        passthrough: this.#passthrough,
      }),
      body: stream?.bytes ?? body,
      signal,
      timeout: bypassBreaker === true ? bypassTimeout : timeout,
    };
  }
}
