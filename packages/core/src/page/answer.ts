import { authorizeUnruled } from "../authorize/admit.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { routerDecision, send } from "../http/respond.ts";
import type { Services } from "../services.ts";
import { documentHeaders, renderDocument } from "./document.ts";
import { gather } from "./gather.ts";
import { renderPage } from "./render.ts";

/**
 * `GET /` of a browser: the status page, and in it what `?image=` asks about.
 * @throws RegistryError as `admitUnruled` does; ClientGone
 */
export async function statusPage(services: Services, exchange: Exchange, search: string): Promise<Decision> {
  await authorizeUnruled(services, exchange, { repository: undefined, access: "operations" });
  // To explain is work, and HEAD shows nothing of it.
  const asked = exchange.request.method === "GET" ? new URLSearchParams(search).get("image") : null;
  const model = await gather(services, exchange, asked?.trim() ?? "");
  const body = renderDocument(renderPage(model));
  return send(exchange, routerDecision("status page"), { status: 200, headers: documentHeaders, body });
}
