import type { Socket } from "node:net";
import type { Gauge } from "prom-client";
import type { CompleteConfig } from "../config/complete.ts";
import type { Activity } from "./activity.ts";
import type { Answered, DecisionRecord } from "./decision-record.ts";
import type { Metrics } from "./metrics.ts";

/** Who is told of answered requests. */
export interface AccountContext {
  readonly metrics: Metrics;
  readonly config: Pick<CompleteConfig, "logger" | "onDecision">;
  readonly activity: Activity | undefined;
}

/** Counts and logs a request once its answer is complete or its client gone. Observers that throw harm nothing. */
export function account({ metrics, config, activity }: AccountContext, answered: Answered): void {
  const { record } = answered;
  const { route, upstream } = record;
  const method = knownMethod(record.method);
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
    tell(onDecision, record, (err) => logger?.error({ err, path: record.path }, "onDecision failed"));
  }
}

/** A hook may be an async function, whose rejection would end the process. */
function tell(
  onDecision: NonNullable<CompleteConfig["onDecision"]>,
  record: DecisionRecord,
  report: (error: unknown) => void,
): void {
  const failed = (error: unknown) => guarded(() => report(error));
  try {
    const told: unknown = onDecision(record);
    if (told instanceof Promise) {
      told.catch(failed);
    }
  } catch (error) {
    failed(error);
  }
}

/** A logger that throws would end the process from here: the response has closed, and no caller is left to tell. */
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
  const fields = { err: problem, route, upstream, reason, path };
  if (status === 500) {
    logger.error(fields, "request failed inside the router");
  } else {
    logger.warn(fields, "request failed");
  }
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** A label's values are few, whatever clients make up. */
function knownMethod(method: string): string {
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
