import { authorizeUnruled } from "../authorize/admit.ts";
import type { Exchange } from "../http/exchange.ts";
import { send } from "../http/respond.ts";
import type { Services } from "../services.ts";
import { documentHeaders, renderDocument } from "./document.ts";
import { gather } from "./gather.ts";
import { renderPage } from "./render.ts";

/**
 * `GET /` of a browser: the status page, and in it what `?image=` asks about.
 * @throws RegistryError as `admitUnruled` does; ClientGone
 */
export async function statusPage(services: Services, exchange: Exchange, search: string): Promise<void> {
  await authorizeUnruled(services, exchange, { repository: undefined, access: "operations" });
  // To explain is work, and HEAD shows nothing of it.
  const asked = exchange.request.method === "GET" ? new URLSearchParams(search).get("image") : null;
  const model = await gather(services, exchange, asked?.trim() ?? "");
  exchange.decision = { upstream: "router", reason: "status page" };
  send(exchange, { status: 200, headers: documentHeaders, body: renderDocument(renderPage(model)) });
}
