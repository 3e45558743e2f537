import type { IncomingMessage, ServerResponse } from "node:http";
import { authorizeRequest, authorizeUnruled } from "./authorize/admit.ts";
import { perform } from "./dispatch.ts";
import { operations } from "./endpoints/operations.ts";
import { token } from "./endpoints/token.ts";
import { ClientAborted } from "./errors.ts";
import { type Generation, Generations } from "./generations.ts";
import { type Decision, type Exchange, entryPointOf, newExchange } from "./http/exchange.ts";
import { PipelineQueue } from "./http/pipelining.ts";
import { routerDecision, send, sendError } from "./http/respond.ts";
import { account, ConnectionGauge } from "./observe/account.ts";
import { answered } from "./observe/answered.ts";
import { pageVaries, wantsPage } from "./page/wanted.ts";
import { checkHost } from "./protocol/address.ts";
import { RegistryError } from "./protocol/errors.ts";
import { isLoop } from "./protocol/forwarding.ts";
import {
  parseRequest,
  parseTarget,
  type RegistryRequest,
  type Target,
  withoutMount,
} from "./protocol/request.ts";
import { mayAskProxies, type Ownership } from "./pull/ownership.ts";
import { plan } from "./routing/plan.ts";
import type { Policy } from "./routing/policy.ts";
import type { ResolvedRule } from "./routing/ruling.ts";
import type { Services } from "./services.ts";
import type { Upstream } from "./upstream/upstream.ts";

/** Serves requests: when each begins and ends, and which configuration it goes by. */
export class Serving {
  readonly #generations: Generations;
  readonly #connections: ConnectionGauge;
  readonly #turns = new PipelineQueue();
  #draining = false;
  readonly #isClosing = () => this.#draining;
  #inFlight = 0;
  #whenIdle: (() => void)[] = [];

  constructor(services: Services) {
    this.#generations = new Generations(services);
    this.#connections = new ConnectionGauge(services.metrics.connections);
  }

  /** What new requests go by. */
  get services(): Services {
    return this.#generations.current;
  }

  /** From now on, new requests go by these; those under way end as they began. */
  replace(services: Services): void {
    this.#generations.replace(services);
  }

  /** Closes every connection to upstreams. */
  close(): void {
    this.#generations.close();
  }

  /** Whether a request is the router's to answer where others answer as well. */
  isOurs(request: IncomingMessage, { kind }: Target): boolean {
    const { operations, statusPage } = this.services.config;
    return (
      kind === "api" ||
      kind === "api-without-slash" ||
      kind === "token" ||
      (kind === "operations" && operations !== "off") ||
      (kind === "root" && statusPage === "on" && wantsPage(request))
    );
  }

  /**
   * Serves a request when it has its turn on its connection. Whatever goes wrong is answered, counted and logged.
   * @returns resolves when the response has closed and is counted, or when its connection died before its turn; never rejects
   */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      this.#turns.take(request, response, {
        begin: () => void this.#serve(request, response, resolve),
        abandon: resolve,
      });
    });
  }

  /** New requests are answered, each as the last on its connection. */
  drain(): void {
    this.#draining = true;
  }

  /** Resolves when no request is in flight. */
  idle(): Promise<void> {
    return this.#inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Never rejects. */
  async #serve(request: IncomingMessage, response: ServerResponse, closed: () => void): Promise<void> {
    if (response.destroyed || request.socket.destroyed) {
      // Gone while the host application's middleware was at work: its closing would never be noticed.
      closed();
      return;
    }
    this.#connections.seen(request.socket);
    const generation = this.#generations.enter();
    const { services } = generation;
    const exchange = newExchange(request, response, services, this.#isClosing);
    this.#begin(generation, exchange, closed);
    try {
      // Not at once: Node finishes a response twice that ends while it is being given its connection.
      await services.tick.next();
      await this.#answer(services, exchange, parseTarget(request.url ?? ""));
    } catch (error) {
      refuse(exchange, error);
    }
  }

  #begin(generation: Generation, exchange: Exchange, closed: () => void): void {
    const started = performance.now();
    this.#inFlight += 1;
    exchange.response.once("close", () => {
      try {
        const done = answered(exchange, performance.now() - started);
        account(generation.services, done);
        if (done.foreignStatus !== undefined && exchange.answer.begun) {
          // Other code has ended the body early: a connection that stays open would make it look whole, or pending.
          exchange.request.socket.destroy();
        }
      } finally {
        this.#generations.leave(generation);
        this.#end();
        closed();
      }
    });
  }

  #end(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) {
      for (const resolve of this.#whenIdle.splice(0)) {
        resolve();
      }
    }
  }

  async #answer(services: Services, exchange: Exchange, target: Target): Promise<Decision> {
    checkHost(exchange.request.rawHeaders);
    if (target.kind === "api") {
      return answerApi(services, exchange, target);
    }
    const { operations: access, statusPage: page, tokens } = services.config;
    if (target.kind === "operations" && access !== "off") {
      exchange.route = target.page;
      if (access === "protected") {
        await authorizeUnruled(services, exchange, { repository: undefined, access: "operations" });
      }
      return operations(services, exchange, target.page, this.#draining);
    }
    if (target.kind === "token" && tokens) {
      exchange.route = "token";
      return token(services, exchange);
    }
    if (target.kind === "root" && page !== "off" && wantsPage(exchange.request)) {
      exchange.route = "page";
      const { statusPage } = await import("./page/answer.ts");
      return statusPage(services, exchange, target.search);
    }
    if (target.kind === "api-without-slash") {
      exchange.route = "base";
      const headers = ["Location", `/v2/${target.search}`];
      return send(exchange, routerDecision("/v2/ is meant"), { status: 301, headers, body: "" });
    }
    throw new RegistryError("NOT_FOUND", {
      message: "not a path of this registry",
      headers: target.kind === "root" && page !== "off" ? pageVaries : {},
    });
  }
}

/**
 * The way of a request to the API: parse, authorize, resolve ownership, decide, act. It is accounted for when its response closes,
 * which a client that leaves brings about at any of these steps.
 * @returns who answered and why
 * @throws RegistryError where the router answers with an error; ClientAborted
 */
async function answerApi(
  services: Services,
  exchange: Exchange,
  { rest, search }: Extract<Target, { kind: "api" }>,
): Promise<Decision> {
  const parsed = parseRequest(exchange.request.method ?? "", rest, search);
  const { resource } = parsed;
  exchange.route = resource.kind;
  exchange.repository = "repository" in resource ? resource.repository : undefined;

  await authorizeRequest(services, exchange, parsed);
  exchange.authorized = true;
  refuseLoop(exchange, services.config);

  const { policy } = services;
  const request = permittedPart(policy, parsed);
  const entryPoint = entryPointOf(exchange, request);
  exchange.namespace = policy.namespaceOf(entryPoint);
  const ruling =
    "repository" in resource
      ? await resolveOwnership(
          services.ownership,
          exchange,
          request,
          policy.rulingFor(resource.repository, entryPoint),
        )
      : undefined;

  const { lists } = services.config;
  const { holders } = services.memory;
  const decided = plan(request, ruling, {
    policy,
    holders,
    lists,
    direct: policy.upstreamByHost(entryPoint),
  });

  return perform(services, exchange, request, decided);
}

/**
 * Leaves the proxies out for what is hosted's own, which hosted may have to be asked for.
 * @throws RegistryError if hosted does not say
 */
function resolveOwnership(
  ownership: Ownership,
  exchange: Exchange,
  request: RegistryRequest,
  ruling: ResolvedRule<Upstream>,
): ResolvedRule<Upstream> | Promise<ResolvedRule<Upstream>> {
  return ruling.owned && exchange.repository !== undefined && mayAskProxies(request)
    ? ownership.restrict(exchange, exchange.repository, ruling)
    : ruling;
}

/** @throws RegistryError LOOP_DETECTED if this router has sent the request */
function refuseLoop({ request }: Exchange, { via }: Services["config"]): void {
  if (isLoop(request.rawHeaders, via)) {
    throw new RegistryError("LOOP_DETECTED", {
      message: "an upstream leads back to this router: check hosted and proxy",
    });
  }
}

/** Without a mount that does not say from where: whether the client may pull from there cannot be told. */
function permittedPart({ restrictsPulls }: Policy<Upstream>, request: RegistryRequest): RegistryRequest {
  const { resource } = request;
  const unsourced = resource.kind === "uploads" && resource.mount?.from === undefined;
  return restrictsPulls && unsourced ? withoutMount(request) : request;
}

/** Answers what went wrong; once an answer has begun, all that is left is to break it off, so that it cannot look whole. */
function refuse(exchange: Exchange, error: unknown): void {
  const { response, signal } = exchange;
  if (signal.aborted || error instanceof ClientAborted) {
    return;
  }
  const refusal = error instanceof RegistryError ? error : new RegistryError("UNKNOWN", { cause: error });
  if (refusal.status >= 500 || response.headersSent) {
    exchange.problem = error;
  }
  if (response.headersSent) {
    response.destroy();
    return;
  }
  try {
    sendError(exchange, refusal);
  } catch (unsendable) {
    // A hook's own challenge, say, that is not one that a header can hold.
    exchange.problem = unsendable;
    sendError(exchange, new RegistryError("UNKNOWN"));
  }
}
