import type { CompleteConfig } from "../config/complete.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { type JsonAnswer, routerDecision, send, sendJson } from "../http/respond.ts";
import { checkHealth, type HealthContext, isReady } from "../observe/health.ts";
import type { Metrics } from "../observe/metrics.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { OperationsPage } from "../protocol/request.ts";

const uncached = ["Cache-Control", "no-store"];

interface OperationsContext extends HealthContext {
  readonly config: Pick<CompleteConfig, "metrics">;
  readonly metrics: Metrics;
}

export async function operations(
  context: OperationsContext,
  exchange: Exchange,
  page: OperationsPage,
  draining: boolean,
): Promise<Decision> {
  const { method = "" } = exchange.request;
  if (method !== "GET" && method !== "HEAD") {
    throw new RegistryError("UNSUPPORTED", { headers: { Allow: "GET, HEAD" } });
  }
  const decision = routerDecision(page);
  if (page !== "metrics") {
    const answer = await healthAnswer(context, page, draining);
    return sendJson(exchange, decision, { ...answer, headers: uncached });
  }
  const { registry } = context.metrics;
  const pageOfAllProcesses = context.config.metrics.page;
  return send(exchange, decision, {
    status: 200,
    headers: ["Content-Type", registry.contentType, ...uncached],
    body: await (pageOfAllProcesses?.() ?? registry.metrics()),
  });
}

async function healthAnswer(
  context: HealthContext,
  page: Exclude<OperationsPage, "metrics">,
  draining: boolean,
): Promise<JsonAnswer> {
  if (page === "livez") {
    return { status: 200, value: { status: "ok" } };
  }
  if (page === "healthcheck") {
    const health = await checkHealth(context);
    return { status: health.upstreams.every(({ up }) => up) ? 200 : 503, value: health };
  }
  if (draining) {
    return { status: 503, value: { status: "draining" } };
  }
  return (await isReady(context))
    ? { status: 200, value: { status: "ok" } }
    : { status: 503, value: { status: "hosted is down" } };
}
