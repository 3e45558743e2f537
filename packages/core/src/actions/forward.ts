import { RegistryError } from "../protocol/errors.ts";
import { firstValue } from "../protocol/headers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/ask.ts";
import { ClientGone, upstreamFailure } from "../upstream/failure.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { errandOf, reportOf } from "./consult.ts";
import type { Exchange } from "./exchange.ts";
import { failureOf } from "./nobody-has-it.ts";
import { learnOwner } from "./owners.ts";
import { relay } from "./relay.ts";
import { hasBody } from "./request-body.ts";

/** Pushes: the request streams to hosted, body and all, and hosted's answer streams back. */
export async function forward(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<void> {
  if (hasBody(exchange.request) && exchange.request.readableDidRead) {
    throw new RegistryError("UNKNOWN", {
      message:
        "the request's body was read before the router saw it: mount the router before any body parser",
    });
  }
  const answer = await deliverTo(services, exchange, request, to);
  const refused = answer.status === 401 && !to.passthrough;
  services.metrics.upstreamRequests.inc({
    upstream: to.name,
    outcome: refused || answer.status >= 500 ? "failed" : "found",
  });
  if (refused) {
    // The client's credentials were good enough for the router; hosted's challenge is not meant for it.
    answer.body.destroy();
    throw failureOf(to, reportOf(to, answer));
  }
  learn(services, request, to, answer);
  exchange.decision = { upstream: to.name, reason: "pushes go to hosted" };
  await relay(exchange, to, answer);
}

async function deliverTo(
  { metrics }: Services,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<Answer> {
  const done = metrics.upstreamDuration.startTimer({ upstream: to.name });
  try {
    // Without a body there is nothing that could not be sent twice: then a dead connection or an old token costs another try.
    if (!hasBody(exchange.request)) {
      return await to.ask(errandOf(request, to), exchange);
    }
    return await to.forward(errandOf(request, to), exchange, {
      response: exchange.response,
      moved: (bytes) => {
        exchange.moved.up += bytes;
      },
    });
  } catch (error) {
    if (error instanceof ClientGone) {
      throw error;
    }
    metrics.upstreamRequests.inc({ upstream: to.name, outcome: "failed" });
    throw failureOf(to, upstreamFailure(error).report);
  } finally {
    done();
  }
}

/** What hosted accepted is pulled from there, and its repository is there. */
function learn(
  services: Services,
  { method, resource }: RegistryRequest,
  hosted: Upstream,
  answer: Answer,
): void {
  if (answer.status !== 201 || !("repository" in resource)) {
    return;
  }
  learnOwner(services, resource.repository);
  if (method === "PUT" && resource.kind === "manifest") {
    const digest = resource.byDigest
      ? resource.reference
      : firstValue(answer.headers, "docker-content-digest");
    services.memory.manifestAt(hosted, resource.repository, digest);
  }
}
