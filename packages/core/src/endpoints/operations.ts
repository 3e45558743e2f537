import type { Decision, Exchange } from "../http/exchange.ts";
import { type JsonAnswer, routerDecision, send, sendJson } from "../http/respond.ts";
import { checkHealth, isReady } from "../observe/health.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { OperationsPage } from "../protocol/target.ts";
import type { Services } from "../services.ts";

const uncached = ["Cache-Control", "no-store"];

/** What the router says about itself. */
export async function operations(
  services: Services,
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
    const answer = await healthAnswer(services, page, draining);
    return sendJson(exchange, decision, { ...answer, headers: uncached });
  }
  const { registry } = services.metrics;
  const { page: pageOfMany } = services.config.metrics;
  return send(exchange, decision, {
    status: 200,
    headers: ["Content-Type", registry.contentType, ...uncached],
    body: await (pageOfMany?.() ?? registry.metrics()),
  });
}

async function healthAnswer(
  services: Services,
  page: Exclude<OperationsPage, "metrics">,
  draining: boolean,
): Promise<JsonAnswer> {
  if (page === "livez") {
    return { status: 200, value: { status: "ok" } };
  }
  if (page === "healthcheck") {
    const health = await checkHealth(services);
    return { status: health.upstreams.every(({ up }) => up) ? 200 : 503, value: health };
  }
  if (draining) {
    return { status: 503, value: { status: "draining" } };
  }
  return (await isReady(services))
    ? { status: 200, value: { status: "ok" } }
    : { status: 503, value: { status: "hosted is down" } };
}
