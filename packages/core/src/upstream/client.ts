import type { CompleteUpstream } from "../config/complete.ts";
import { publicHost, type Recipient } from "../protocol/forwarded-headers.ts";
import { endToEnd, firstValue, type RawHeaders } from "../protocol/headers.ts";
import type { OwnNames } from "../protocol/locations.ts";
import { withoutNamespace } from "../protocol/request.ts";
import { isOfRegistry, objectionTo } from "../routing/classify.ts";
import { isRead, type RequestTarget, type UpstreamRequest } from "./request.ts";
import { requestHeaders } from "./request-headers.ts";
import type { AgentPools, Agents } from "./transport/agents.ts";
import { Forwarder } from "./transport/http-proxy.ts";
import { readWhole } from "./transport/read-body.ts";
import { type Address, addressOf, type HttpRequest, send, type UpstreamResponse } from "./transport/send.ts";

// Milliseconds for a request past a circuit that timeouts opened: a cache serves at once what it has.
const bypassTimeout = 1_000;
const conditions = ["if-none-match", "if-modified-since"];

const neverFollowed: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

/** Sends requests to one upstream: addresses, headers, connections and deadlines. */
export class UpstreamClient {
  /** Milliseconds that a body may stand still. */
  readonly idle: number;
  readonly #config: CompleteUpstream;
  readonly #via: string;
  readonly #recipient: Recipient;
  readonly #agents: Agents;
  readonly #address: Address;
  readonly #forwarder: Forwarder;
  /** The path of the configured URL, before `/v2/`. */
  readonly #prefix: string;
  #isRegistry = false;

  constructor(
    config: CompleteUpstream,
    { via, agents, clientIdle }: { via: string; agents: Agents; clientIdle: number },
  ) {
    this.idle = config.timeouts.idle;
    this.#config = config;
    this.#via = via;
    this.#recipient = {
      kind: config.kind,
      passthrough: config.auth === "passthrough",
      encrypted: config.url.protocol === "https:",
      forwards: new Set(config.forwardHeaders),
    };
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
    const answer =
      request.upload === undefined
        ? this.#sendTo(this.#address, this.#agents, http, request)
        : this.#forwarder.forward({ ...request.upload, ...http }).then((head) => judged(head, request, http));
    const sentToken = authorization?.startsWith("Bearer ") === true;
    return this.#isRegistry && !sentToken ? answer : answer.then((head) => this.#recognize(head, sentToken));
  }

  #recognize(answer: UpstreamResponse, sentToken: boolean): UpstreamResponse {
    this.#isRegistry ||= isOfRegistry(answer.headers);
    return sentToken ? { ...answer, sentToken } : answer;
  }

  /** Whether the upstream has answered as a registry does. Before that, a redirect may as well be one to a login page. */
  get isRegistry(): boolean {
    return this.#isRegistry;
  }

  /** The names by which the upstream may call itself in the answer to a request. */
  ownNames({ from }: Pick<UpstreamRequest, "from">): OwnNames {
    const { url: upstream, aliases } = this.#config;
    const publicName = from && publicHost(from.request.rawHeaders, from.client);
    return { upstream, aliases, publicHost: publicName };
  }

  /** The address of a request. */
  addressOf({ path, search, fromRoot }: Pick<RequestTarget, "path" | "search" | "fromRoot">): URL {
    return new URL(`${fromRoot === true ? "" : this.#prefix}${path}${search}`, this.#config.url);
  }

  /**
   * Sends a request to where a redirect leads, with headers about the content and nothing else.
   * @throws UpstreamFailure, ClientAborted
   */
  sendTo(url: URL, request: UpstreamRequest, authorization: string | undefined): Promise<UpstreamResponse> {
    const { headers, ...http } = this.#encode(request, undefined, true);
    const kept = endToEnd(headers, neverFollowed);
    const sent = authorization === undefined ? kept : [...kept, "Authorization", authorization];
    const pools = url.origin === this.#config.url.origin ? this.#agents : this.#agents.elsewhere(url);
    const path = url.pathname + url.search;
    return this.#sendTo(addressOf(url), pools, { ...http, path, headers: sent }, request);
  }

  async #sendTo(
    address: Address,
    pools: AgentPools,
    http: HttpRequest,
    request: UpstreamRequest,
  ): Promise<UpstreamResponse> {
    const { connect, headers, write, idle } = this.#config.timeouts;
    const { method, timeout } = http;
    // To close an upload, a registry reads and moves a whole layer before it answers.
    const answerTimeout = isRead(method) ? Math.min(headers, timeout ?? headers) : write;
    const connectTimeout = Math.min(connect, timeout ?? connect);
    const upstream = this.#config.name;
    const head = await send(pools, { upstream, address, connectTimeout, answerTimeout, idle }, http);
    // The router's own reads have limits of their own.
    const isPull =
      request.wanted?.kind === "manifest" && request.from !== undefined && request.whole !== true;
    return judged(isPull ? await readWhole(head, http, idle) : head, request, http);
  }

  /** Whether `ns` names the registry that this upstream is, or that it mirrors. A mirror of several needs it. */
  readonly #isNamed = (namespace: string): boolean => {
    const { namespace: own, url } = this.#config;
    return namespace === own || url.host === namespace || url.hostname.endsWith(`.${namespace}`);
  };

  #encode(request: UpstreamRequest, authorization: string | undefined, neutral: boolean): HttpRequest {
    const { method, stream, body, signal, bypassBreaker, timeout } = request;
    return {
      method,
      path:
        request.fromRoot === true
          ? `${request.path}${request.search}`
          : `${this.#prefix}${request.path}${withoutNamespace(request.search, this.#isNamed)}`,
      headers: requestHeaders(request, {
        authorization,
        neutral,
        via: this.#via,
        to: this.#recipient,
      }),
      body: stream?.bytes ?? body,
      signal,
      timeout: bypassBreaker === true ? bypassTimeout : timeout,
    };
  }
}

function judged(
  answer: UpstreamResponse,
  { wanted, method }: UpstreamRequest,
  { headers }: HttpRequest,
): UpstreamResponse {
  const { status } = answer;
  const isPart = isRead(method) && (status === 206 || status === 304 || status === 416);
  const objection =
    wanted && (objectionTo(wanted, method, answer) ?? (isPart ? unaskedFor(status, headers) : undefined));
  return objection === undefined ? answer : { ...answer, objection };
}

/** A part, or "not modified", in answer to a request for the whole. */
function unaskedFor(status: number, headers: RawHeaders): string | undefined {
  const needs = status === 304 ? conditions : ["range"];
  const isAsked = needs.some((name) => firstValue(headers, name) !== undefined);
  return isAsked ? undefined : `answered ${status} to a request without ${needs.join(" or ")}`;
}
