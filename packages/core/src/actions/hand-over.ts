import { ClientGone, upstreamFailure } from "../errors.ts";
import { failureOf } from "../pull/answer.ts";
import { reportOf } from "../pull/query.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

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
