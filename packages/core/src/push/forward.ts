import { ClientAborted, upstreamFailure } from "../errors.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { relay } from "../http/relay.ts";
import { hasBody, requireUnread } from "../http/request-body.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errorFrom } from "../pull/answer.ts";
import { reportOf, toUpstreamRequest } from "../pull/query.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Why hosted answers a push. */
export const pushed = "pushes go to hosted";

/** Uploads: the request streams to hosted, body and all, and hosted's answer streams back. */
export async function forward(exchange: Exchange, request: RegistryRequest, to: Upstream): Promise<Decision> {
  requireUnread(exchange.request);
  const asked = toUpstreamRequest(request, to);
  const answer = await sendToHosted(to, () =>
    // Without a body there is nothing that could not be sent twice: then a dead connection or an old token costs another try.
    hasBody(exchange.request)
      ? to.forward(asked, exchange, {
          response: exchange.response,
          transferred: (bytes) => {
            exchange.transferred.up += bytes;
          },
        })
      : to.ask(asked, exchange),
  );
  return relay(exchange, pushed, { upstream: to, answer });
}

/**
 * Sends something to hosted whose answer is the client's, whatever it says; but not its challenge, which is meant for the
 * router.
 * @throws RegistryError if there is no answer, or the router was refused; ClientGone
 */
export async function sendToHosted(
  to: Upstream,
  send: () => Promise<UpstreamResponse>,
): Promise<UpstreamResponse> {
  const { metrics, activity } = to.observer;
  const done = metrics.upstreamDuration.startTimer({ upstream: to.name });
  let answer: UpstreamResponse;
  try {
    answer = await send();
  } catch (error) {
    if (error instanceof ClientAborted) {
      throw error;
    }
    metrics.upstreamRequests.inc({ upstream: to.name, outcome: "failed" });
    activity?.asked(to.name, "failed");
    throw errorFrom(to, upstreamFailure(error).report);
  } finally {
    done();
  }
  const refused = answer.status === 401 && !to.passthrough;
  const outcome = refused || answer.status >= 500 ? "failed" : "found";
  metrics.upstreamRequests.inc({ upstream: to.name, outcome });
  activity?.asked(to.name, outcome);
  if (refused) {
    answer.body.destroy();
    throw errorFrom(to, reportOf(to, answer));
  }
  return answer;
}
