import type { RegistryRequest } from "../protocol/request.ts";
import type { Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { consult, errandOf } from "./consult.ts";
import { deliver } from "./deliver.ts";
import type { Exchange } from "./exchange.ts";
import { nobodyHasIt } from "./nobody-has-it.ts";
import { walk } from "./walk.ts";

/** Deletes and the state of upload sessions: hosted alone is asked, and its word stands. */
export async function pass(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<void> {
  const { resource, method } = request;
  if (method === "DELETE" && resource.kind === "manifest") {
    // Before the answer: whatever becomes of it, nothing is lost but a shortcut.
    services.memory.forget(resource.repository, resource.reference);
  }
  const end = await walk(services, {
    order: [to],
    ask: (upstream, lastChance) =>
      consult(services, exchange, upstream, { ...errandOf(request, upstream), lastChance }),
    insists: method === "GET",
    stopsAfterFailureOf: () => true,
  });
  if (method === "DELETE" && resource.kind === "manifest") {
    services.owners.forget(resource.repository);
  }
  if (end.ended === "exhausted") {
    nobodyHasIt(services, exchange, resource.kind, end);
  } else {
    await deliver(exchange, end, method === "DELETE" ? "deletes go to hosted" : "found");
  }
}
