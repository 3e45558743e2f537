import type { Exchange } from "../http/exchange.ts";
import { send, sendJson } from "../http/respond.ts";
import { checkHealth, isReady } from "../observe/health.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { OperationsPage } from "../protocol/target.ts";
import type { Services } from "../services.ts";

/** What the router says about itself. */
export async function operations(
  services: Services,
  exchange: Exchange,
  page: OperationsPage,
  draining: boolean,
): Promise<void> {
  const { method = "" } = exchange.request;
  if (method !== "GET" && method !== "HEAD") {
    throw new RegistryError("UNSUPPORTED", { headers: { Allow: "GET, HEAD" } });
  }
  exchange.decision = { upstream: "router", reason: page };
  const uncached = ["Cache-Control", "no-store"];
  if (page === "livez") {
    sendJson(exchange, 200, { status: "ok" }, uncached);
  } else if (page === "metrics") {
    const { registry } = services.metrics;
    const { page: pageOfMany } = services.config.metrics;
    send(exchange, {
      status: 200,
      headers: ["Content-Type", registry.contentType, ...uncached],
      body: await (pageOfMany?.() ?? registry.metrics()),
    });
  } else {
    await sendHealth(services, exchange, page, draining, uncached);
  }
}

async function sendHealth(
  services: Services,
  exchange: Exchange,
  page: "healthcheck" | "readyz",
  draining: boolean,
  headers: string[],
): Promise<void> {
  if (page === "healthcheck") {
    const health = await checkHealth(services);
    sendJson(exchange, health.upstreams.every(({ up }) => up) ? 200 : 503, health, headers);
  } else if (draining) {
    sendJson(exchange, 503, { status: "draining" }, headers);
  } else if (await isReady(services)) {
    sendJson(exchange, 200, { status: "ok" }, headers);
  } else {
    sendJson(exchange, 503, { status: "hosted is down" }, headers);
  }
}
