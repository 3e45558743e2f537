import type { Socket } from "node:net";
import type { Gauge } from "prom-client";
import type { Exchange } from "../http/exchange.ts";
import type { Services } from "../services.ts";

// What nginx writes for a client that left before its answer began; no client ever sees it.
const clientLeft = 499;

/** Counts and logs a request once its answer is complete or its client gone. */
export function account({ metrics, config, activity }: Services, exchange: Exchange, seconds: number): void {
  const { request, response, route, decision, transferred: moved } = exchange;
  const method = knownMethod(request.method);
  const status = response.headersSent ? response.statusCode : clientLeft;
  const complete = response.writableFinished;
  metrics.requests.inc({ route, method, status: String(status), upstream: decision.upstream });
  metrics.duration.observe({ route, method }, seconds);
  metrics.bytes.inc({ direction: "down", upstream: decision.upstream }, moved.down);
  metrics.bytes.inc({ direction: "up", upstream: decision.upstream }, moved.up);
  activity?.answered(exchange, status);
  config.logger?.info(
    {
      method: request.method,
      path: pathOf(request.url),
      route,
      ...(exchange.repository !== undefined && { repository: exchange.repository }),
      status,
      complete,
      upstream: decision.upstream,
      reason: decision.reason,
      durationMs: Math.round(seconds * 1e4) / 10,
      bytesToClient: moved.down,
      bytesFromClient: moved.up,
      client: exchange.client.origin,
      ...(exchange.user !== undefined && { user: exchange.user }),
      userAgent: request.headers["user-agent"],
    },
    "request",
  );
  logProblem(config.logger, exchange, status);
}

function logProblem(
  logger: Services["config"]["logger"],
  { problem, route, decision, request }: Exchange,
  status: number,
): void {
  if (problem === undefined || logger === undefined) {
    return;
  }
  const fields = {
    err: problem,
    route,
    upstream: decision.upstream,
    reason: decision.reason,
    path: pathOf(request.url),
  };
  if (status === 500) {
    logger.error(fields, "request failed inside the router");
  } else {
    logger.warn(fields, "request failed");
  }
}

/** Without the query, in which upload sessions carry their state and some clients their tokens. */
function pathOf(url = ""): string {
  const question = url.indexOf("?");
  return question === -1 ? url : url.slice(0, question);
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** A label's values are few, whatever clients make up. */
function knownMethod(method = ""): string {
  return methods.includes(method) ? method : "other";
}

/** Counts the client connections that are open, seen from a handler that owns no server. */
export class ConnectionGauge {
  readonly #known = new WeakSet<Socket>();
  readonly #gauge: Gauge;

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
  }

  /** A request came over this connection. */
  seen(socket: Socket): void {
    if (!this.#known.has(socket)) {
      this.#known.add(socket);
      this.#gauge.inc();
      socket.once("close", () => this.#gauge.dec());
    }
  }
}
