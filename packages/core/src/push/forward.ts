import { handOver } from "../actions/hand-over.ts";
import type { Exchange } from "../http/exchange.ts";
import { relay } from "../http/relay.ts";
import { hasBody, requireUnread } from "../http/request-body.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errandOf } from "../pull/query.ts";
import type { Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Uploads: the request streams to hosted, body and all, and hosted's answer streams back. */
export async function forward(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<void> {
  requireUnread(exchange.request);
  const errand = errandOf(request, to);
  const answer = await handOver(services, to, () =>
    // Without a body there is nothing that could not be sent twice: then a dead connection or an old token costs another try.
    hasBody(exchange.request)
      ? to.forward(errand, exchange, {
          response: exchange.response,
          moved: (bytes) => {
            exchange.moved.up += bytes;
          },
        })
      : to.ask(errand, exchange),
  );
  exchange.decision = { upstream: to.name, reason: "pushes go to hosted" };
  await relay(exchange, to, answer);
}
