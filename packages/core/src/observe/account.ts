import type { Socket } from "node:net";
import type { Gauge } from "prom-client";
import type { CompleteConfig } from "../config/complete.ts";
import { CopyFailure, UpstreamFailure } from "../errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { Activity } from "./activity.ts";
import type { Answered, DecisionRecord } from "./decision-record.ts";
import type { Metrics } from "./metrics.ts";

interface AccountContext {
  readonly metrics: Metrics;
  readonly config: Pick<CompleteConfig, "logger" | "onDecision">;
  readonly activity: Activity | undefined;
}

// Labels have few values, whatever methods clients invent.
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
// As nginx logs a client that left before its response began; no client ever sees it.
const clientLeft = 499;
const failedInside = 500;

/**
 * Counts and logs a request whose response has closed. Observers that throw harm nothing.
 * @param milliseconds since the request's arrival
 */
export function account(context: AccountContext, exchange: Exchange, milliseconds: number): Answered {
  const { metrics, activity, config } = context;
  const answered = describe(exchange, milliseconds);
  const { record } = answered;
  const { route, upstream } = record;
  const method = methods.has(record.method) ? record.method : "other";
  metrics.requests.inc({ route, method, status: String(record.status), upstream });
  metrics.duration.observe({ route, method }, record.durationMs / 1000);
  metrics.bytes.inc({ direction: "down", upstream }, record.bytesToClient);
  metrics.bytes.inc({ direction: "up", upstream }, record.bytesFromClient);
  activity?.answered(answered);
  const { logger, onDecision } = config;
  if (logger !== undefined) {
    guarded(() => {
      logger.info(record, "request");
      logProblem(logger, answered);
    });
  }
  if (onDecision !== undefined) {
    callHook(onDecision, record, (err) => logger?.error({ err, path: record.path }, "onDecision failed"));
  }
  return answered;
}

function describe(exchange: Exchange, milliseconds: number): Answered {
  const { request, response, decision, transferred, answer } = exchange;
  const { url: target = "" } = request;
  // Code of the host application may begin or end the response while the router is still at work: a framework, for example, that
  // answers when a middleware returns. The client then gets a response that no registry sent.
  const isForeign = (response.headersSent && !answer.begun) || (response.writableFinished && !answer.ended);
  // Queries carry the state of upload sessions, and some clients' tokens.
  const query = target.indexOf("?");
  const userAgent = request.headers["user-agent"];
  const record: DecisionRecord = {
    method: request.method ?? "",
    path: query === -1 ? target : target.slice(0, query),
    route: exchange.route,
    ...(exchange.repository !== undefined && { repository: exchange.repository }),
    status: isForeign ? failedInside : response.headersSent ? response.statusCode : clientLeft,
    complete: response.writableFinished && !isForeign,
    upstream: isForeign ? "router" : decision.upstream,
    reason: isForeign ? "answered by another part of the application" : decision.reason,
    durationMs: Math.round(milliseconds * 10) / 10,
    bytesToClient: transferred.down,
    bytesFromClient: transferred.up,
    client: exchange.client.origin,
    ...(exchange.user !== undefined && { user: exchange.user }),
    ...(userAgent !== undefined && { userAgent }),
  };
  return {
    record,
    target,
    authorized: exchange.authorized,
    problem: exchange.problem,
    foreignStatus: isForeign ? response.statusCode : undefined,
  };
}

/** The hook may be an async function, whose rejection would end the process. */
function callHook(
  onDecision: NonNullable<CompleteConfig["onDecision"]>,
  record: DecisionRecord,
  report: (error: unknown) => void,
): void {
  const failed = (error: unknown) => guarded(() => report(error));
  try {
    const result: unknown = onDecision(record);
    if (result instanceof Promise) {
      result.catch(failed);
    }
  } catch (error) {
    failed(error);
  }
}

/** A logger that throws would end the process from here: the response has closed, and no caller can catch the error. */
function guarded(log: () => void): void {
  try {
    log();
  } catch {
    // There is no other place to report it.
  }
}

function logProblem(
  logger: NonNullable<CompleteConfig["logger"]>,
  { record, problem, foreignStatus }: Answered,
): void {
  const { route, upstream, reason, path, method, status } = record;
  if (foreignStatus !== undefined) {
    const err = new Error(
      `another part of the application began or ended the response to ${method} ${path} (status ${foreignStatus}) while the router was answering: wait for the handler's promise, and answer nothing after it`,
    );
    logger.error(
      { err, route, upstream, reason, path, sent: foreignStatus },
      "request answered by another part of the application",
    );
    return;
  }
  if (problem === undefined) {
    return;
  }
  const fields = { route, upstream, reason, path };
  if (isExpected(problem)) {
    logger.warn({ ...fields, cause: causeOf(problem) }, "request failed");
  } else if (status === 500) {
    logger.error({ err: problem, ...fields }, "request failed inside the router");
  } else {
    logger.warn({ err: problem, ...fields }, "request failed");
  }
}

/** Upstreams fail, and the stack of such a failure tells nothing. */
function isExpected(problem: unknown): problem is Error {
  return (
    (problem instanceof RegistryError && problem.code !== "UNKNOWN") ||
    problem instanceof UpstreamFailure ||
    problem instanceof CopyFailure
  );
}

/** One line: the message of an error, and those of what caused it. */
function causeOf(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${causeOf(error.cause)}` : "";
  return `${error.message.replace(/\s+/g, " ")}${cause}`;
}

/** Counts open client connections, for a handler that owns no server. */
export class ConnectionGauge {
  readonly #counted = new WeakSet<Socket>();
  readonly #gauge: Gauge;

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
  }

  seen(socket: Socket): void {
    if (!this.#counted.has(socket)) {
      this.#counted.add(socket);
      this.#gauge.inc();
      socket.once("close", () => this.#gauge.dec());
    }
  }
}
