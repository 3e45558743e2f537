import type { IncomingMessage, ServerResponse } from "node:http";
import { authorizeRequest, authorizeUnruled, purposeOfHead } from "./authorize/admit.ts";
import { dispatch } from "./dispatch.ts";
import { operations } from "./endpoints/operations.ts";
import { token } from "./endpoints/token.ts";
import { ClientAborted } from "./errors.ts";
import type { Generations } from "./generations.ts";
import { ClientExchange, type Decision, type Exchange, entryPointOf } from "./http/exchange.ts";
import { PipelineQueue } from "./http/pipelining.ts";
import { routerDecision, send, sendError } from "./http/respond.ts";
import { account, ConnectionGauge } from "./observe/account.ts";
import { pageVaries, wantsPage } from "./page/wanted.ts";
import { checkHost } from "./protocol/address.ts";
import { RegistryError } from "./protocol/errors.ts";
import { isLoop } from "./protocol/forwarded-headers.ts";
import { parseRequest, parseTarget, type Target, withoutMount } from "./protocol/request.ts";
import { mayAskProxies } from "./pull/ownership.ts";
import type { RouterContext } from "./router-context.ts";
import { plan } from "./routing/plan.ts";

type ApiTarget = Extract<Target, { kind: "api" }>;

/** Serves requests: waits for their turn on the connection, answers them, and accounts for them when their response has closed. */
export class Serving {
  readonly #generations: Generations;
  readonly #connections: ConnectionGauge;
  readonly #pipeline = new PipelineQueue();
  #draining = false;
  readonly #isClosing = () => this.#draining;

  constructor(generations: Generations) {
    this.#generations = generations;
    this.#connections = new ConnectionGauge(generations.current.metrics.connections);
  }

  /** Whether a request is the router's to answer where others answer as well. */
  isOurs(request: IncomingMessage): boolean {
    const { kind } = parseTarget(request.url ?? "");
    const { operations, statusPage } = this.#generations.current.config;
    return (
      kind === "api" ||
      kind === "without-slash" ||
      kind === "token" ||
      (kind === "operations" && operations !== "off") ||
      (kind === "root" && statusPage === "on" && wantsPage(request))
    );
  }

  /** New requests are answered, each as the last on its connection. */
  drain(): void {
    this.#draining = true;
  }

  /**
   * Serves a request when its turn on its connection has come. Whatever goes wrong is answered, counted and logged.
   * @returns resolves when the response has closed and is counted, or when its connection died before its turn; never rejects
   */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    if (response.socket === null && !(await this.#pipeline.turn(socket, response))) {
      return;
    }
    if (response.destroyed || socket.destroyed) {
      // The client left while the application's own middleware was at work: no event would follow.
      return;
    }
    this.#connections.seen(socket);
    const generation = this.#generations.enter();
    const { context } = generation;
    const exchange = new ClientExchange(request, response, context, this.#isClosing);
    const started = performance.now();
    const closed = new Promise<void>((resolve) => {
      response.once("close", () => {
        try {
          const { foreignStatus } = account(context, exchange, performance.now() - started);
          if (foreignStatus !== undefined && exchange.answer.begun) {
            // Other code has ended the body early: on an open connection it would look complete, or pending.
            socket.destroy();
          }
        } finally {
          this.#generations.leave(generation);
          resolve();
        }
      });
    });
    void this.#answer(context, exchange);
    return closed;
  }

  async #answer(context: RouterContext, exchange: Exchange): Promise<void> {
    try {
      // Wait one tick: a response that ends while Node attaches its socket is finished twice.
      await context.tick.next();
      const target = parseTarget(exchange.request.url ?? "");
      checkHost(exchange.request.rawHeaders);
      await (target.kind === "api"
        ? answerApi(context, exchange, target)
        : this.#answerOther(context, exchange, target));
    } catch (error) {
      refuse(exchange, error);
    }
  }

  async #answerOther(
    context: RouterContext,
    exchange: Exchange,
    target: Exclude<Target, ApiTarget>,
  ): Promise<Decision> {
    const { operations: access, statusPage: page, tokens } = context.config;
    if (target.kind === "operations" && access !== "off") {
      exchange.route = target.page;
      if (access === "protected") {
        await authorizeUnruled(context, exchange, { repository: undefined, access: "operations" });
      }
      return operations(context, exchange, target.page, this.#draining);
    }
    if (target.kind === "token" && tokens) {
      exchange.route = "token";
      return token(context, exchange);
    }
    if (target.kind === "root" && page !== "off" && wantsPage(exchange.request)) {
      exchange.route = "page";
      const { statusPage } = await import("./page/answer.ts");
      return statusPage(context, exchange, target.search);
    }
    if (target.kind === "without-slash") {
      exchange.route = target.path === "/v2" ? "base" : "uploads";
      const headers = ["Location", `${target.path}/${target.search}`];
      // As distribution does.
      return send(exchange, routerDecision("the path with a slash at its end is meant"), {
        status: 301,
        headers,
        body: "",
      });
    }
    throw new RegistryError("NOT_FOUND", {
      message: "not a path of this registry",
      headers: target.kind === "root" && page !== "off" ? pageVaries : {},
    });
  }
}

/**
 * Answers a request to the API: parse, authorize, resolve ownership, plan, dispatch. A client may leave at any of these steps.
 * @returns who answered and why
 * @throws RegistryError where the router answers with an error; ClientAborted
 */
async function answerApi(
  context: RouterContext,
  exchange: Exchange,
  { rest, search }: ApiTarget,
): Promise<Decision> {
  const { policy, ownership, memory, config } = context;
  const parsed = parseRequest(exchange.request.method ?? "", rest, search);
  const { resource } = parsed;
  exchange.route = resource.kind;
  exchange.repository = "repository" in resource ? resource.repository : undefined;

  await authorizeRequest(context, exchange, parsed);
  exchange.authorized = true;
  if (isLoop(exchange.request.rawHeaders, config.via)) {
    throw new RegistryError("LOOP_DETECTED", {
      message: "an upstream leads back to this router: check hosted and proxy",
    });
  }

  // A mount may leave out the repository that it mounts from. Whether the client may pull from there cannot be told.
  const unsourced = resource.kind === "uploads" && resource.mount?.from === undefined;
  const request = policy.restrictsPulls && unsourced ? withoutMount(parsed) : parsed;
  const entryPoint = entryPointOf(exchange, request);
  exchange.namespace = policy.namespaceOf(entryPoint);
  let ruling =
    exchange.repository === undefined ? undefined : policy.rulingFor(exchange.repository, entryPoint);
  if (ruling?.owned && exchange.repository !== undefined && mayAskProxies(request)) {
    ruling = await ownership.restrict(exchange, exchange.repository, ruling);
  }
  const direct = policy.upstreamByHost(entryPoint);
  const headPurpose =
    request.method === "HEAD" && ruling !== undefined
      ? await purposeOfHead(context, exchange, request, ruling)
      : "pull";
  const known = { policy, holders: memory.holders, lists: config.lists, direct, headPurpose };
  return dispatch(context, exchange, request, plan(request, ruling, known));
}

/** Sends an error. Once a response has begun, its connection is closed instead, so that a cut body does not look complete. */
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
    // For example a challenge of the authorize hook that is no valid header value.
    exchange.problem = unsendable;
    sendError(exchange, new RegistryError("UNKNOWN"));
  }
}
