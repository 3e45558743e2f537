import { checkHealth } from "../observe/health.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { OperationsPage } from "../protocol/target.ts";
import type { Services } from "../services.ts";
import type { Exchange } from "./exchange.ts";
import { send, sendJson } from "./send.ts";

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
    send(exchange, {
      status: 200,
      headers: ["Content-Type", registry.contentType, ...uncached],
      body: await registry.metrics(),
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
  if (page === "readyz" && draining) {
    sendJson(exchange, 503, { status: "draining" }, headers);
    return;
  }
  const health = await checkHealth(services);
  if (page === "readyz") {
    // Without a proxy there is still a private registry to serve; without hosted there is none.
    const hosted = health.upstreams.find(({ kind }) => kind === "hosted");
    sendJson(
      exchange,
      hosted?.up === true ? 200 : 503,
      { status: hosted?.up === true ? "ok" : "hosted is down" },
      headers,
    );
    return;
  }
  sendJson(exchange, health.upstreams.every(({ up }) => up) ? 200 : 503, health, headers);
}
