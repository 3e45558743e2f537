import { unlistingOf } from "../actions/delete-manifest.ts";
import type { Exchange } from "../http/exchange.ts";
import { repeat } from "../http/relay.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { deliver, nobodyHasIt } from "../pull/answer.ts";
import { type Walk, walk } from "../pull/failover.ts";
import { manifestDeleted } from "../pull/invalidate.ts";
import { consult, errandOf } from "../pull/query.ts";
import type { Services } from "../services.ts";
import { errorBodyLimit, readBounded } from "../upstream/transport/read-body.ts";
import type { Upstream } from "../upstream/upstream.ts";

const deletion = "deletes go to hosted";

/** Deletes and the state of upload sessions: hosted alone is asked, and its word stands. */
export async function pass(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<void> {
  const { resource, method } = request;
  const unlisting = method === "DELETE" ? await unlistingOf(services, exchange, request, to) : undefined;
  let end: Walk;
  try {
    end = await walk(services, {
      order: [to],
      ask: (upstream, lastChance) =>
        consult(services, exchange, upstream, { ...errandOf(request, upstream), lastChance }),
      insists: method === "GET",
      stopsAfterFailureOf: () => true,
    });
  } finally {
    if (method === "DELETE" && resource.kind === "manifest") {
      await manifestDeleted(services, resource);
    }
  }
  if (end.ended === "exhausted") {
    nobodyHasIt(services, exchange, resource.kind, end);
    return;
  }
  const { said } = end;
  if (unlisting !== undefined && said.outcome === "found") {
    const body = (await readBounded(said.answer.body, errorBodyLimit, to.timeouts.idle)) ?? Buffer.alloc(0);
    const headers = await unlisting.run();
    exchange.decision = { upstream: to.name, reason: deletion };
    repeat(exchange, to, { answer: said.answer, body }, headers);
    return;
  }
  await deliver(exchange, end, method === "DELETE" ? deletion : "found");
}
