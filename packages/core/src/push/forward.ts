import { ClientGone, upstreamFailure } from "../errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { relay } from "../http/relay.ts";
import { hasBody, requireUnread } from "../http/request-body.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { failureOf } from "../pull/answer.ts";
import { errandOf, reportOf } from "../pull/query.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/transport/send.ts";
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

/**
 * Sends something to hosted whose answer is the client's, whatever it says; but not its challenge, which is meant for the
 * router.
 * @throws RegistryError if there is no answer, or the router was refused; ClientGone
 */
export async function handOver(
  { metrics, activity }: Services,
  to: Upstream,
  send: () => Promise<Answer>,
): Promise<Answer> {
  const done = metrics.upstreamDuration.startTimer({ upstream: to.name });
  let answer: Answer;
  try {
    answer = await send();
  } catch (error) {
    if (error instanceof ClientGone) {
      throw error;
    }
    metrics.upstreamRequests.inc({ upstream: to.name, outcome: "failed" });
    activity?.asked(to.name, "failed");
    throw failureOf(to, upstreamFailure(error).report);
  } finally {
    done();
  }
  const refused = answer.status === 401 && !to.passthrough;
  const outcome = refused || answer.status >= 500 ? "failed" : "found";
  metrics.upstreamRequests.inc({ upstream: to.name, outcome });
  activity?.asked(to.name, outcome);
  if (refused) {
    answer.body.destroy();
    throw failureOf(to, reportOf(to, answer));
  }
  return answer;
}
