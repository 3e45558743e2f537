import type { Exchange } from "../http/exchange.ts";
import type { Answered, DecisionRecord } from "./decision-record.ts";

// What nginx logs for a client that left before its answer began; no client ever sees it.
const clientLeft = 499;
const failedInside = 500;

/** Describes an exchange for observers, once its response has closed. */
export function answered(exchange: Exchange, milliseconds: number): Answered {
  const { request, response, decision, transferred } = exchange;
  const foreignStatus = statusOfAnother(exchange);
  const isForeign = foreignStatus !== undefined;
  const userAgent = request.headers["user-agent"];
  const record: DecisionRecord = {
    method: request.method ?? "",
    path: pathOf(request.url),
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
    target: request.url ?? "",
    isAdmitted: exchange.authorized,
    problem: exchange.problem,
    foreignStatus,
  };
}

/**
 * Code of the host application may begin or end the response while the router is still at work: a framework that answers by itself
 * when a middleware returns, say. The client then gets an answer that no registry gave.
 */
function statusOfAnother({ response, answer }: Exchange): number | undefined {
  const isForeign = (response.headersSent && !answer.begun) || (response.writableFinished && !answer.ended);
  return isForeign ? response.statusCode : undefined;
}

/** Without the query, in which upload sessions carry their state and some clients their tokens. */
function pathOf(url = ""): string {
  const question = url.indexOf("?");
  return question === -1 ? url : url.slice(0, question);
}
