import type { RegistryRequest } from "../protocol/request.ts";
import type { FailureReport } from "../routing/attempt.ts";
import type { Services } from "../services.ts";
import type { Answer } from "../upstream/ask.ts";
import { errorBodyLimit, readBounded } from "../upstream/bounded-body.ts";
import { ClientGone, upstreamFailure } from "../upstream/failure.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { accepted } from "./accepted.ts";
import { errandOf, reportOf } from "./consult.ts";
import type { Exchange } from "./exchange.ts";
import { readManifest } from "./manifest-body.ts";
import { failureError } from "./nobody-has-it.ts";
import { relay, repeat } from "./relay.ts";
import { hasBody, requireUnread } from "./request-body.ts";

/**
 * Pushes: the request streams to hosted, body and all, and hosted's answer streams back. Manifests, which are short, are read
 * first: it matters what they say.
 */
export async function forward(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<void> {
  requireUnread(exchange.request);
  const manifest = isManifestPut(request) ? await readManifest(exchange) : undefined;
  const answer = await deliverTo(services, exchange, request, to, manifest);
  const refused = answer.status === 401 && !to.passthrough;
  services.metrics.upstreamRequests.inc({
    upstream: to.name,
    outcome: refused || answer.status >= 500 ? "failed" : "found",
  });
  if (refused) {
    // The client's credentials were good enough for the router; hosted's challenge is not meant for it.
    answer.body.destroy();
    throw failed(to, reportOf(to, answer));
  }
  const decision = { upstream: to.name, reason: "pushes go to hosted" };
  if (manifest !== undefined && answer.status === 201) {
    const text = (await readBounded(answer.body, errorBodyLimit, to.timeouts.idle)) ?? Buffer.alloc(0);
    const push = { to, body: manifest, type: exchange.request.headers["content-type"] };
    const headers = await accepted(services, exchange, request, push, answer);
    exchange.decision = decision;
    repeat(exchange, to, { answer, body: text }, headers);
    return;
  }
  exchange.decision = decision;
  await relay(exchange, to, answer);
}

function isManifestPut({ method, resource }: RegistryRequest): boolean {
  return method === "PUT" && resource.kind === "manifest";
}

async function deliverTo(
  { metrics }: Services,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
  manifest: Buffer | undefined,
): Promise<Answer> {
  const done = metrics.upstreamDuration.startTimer({ upstream: to.name });
  try {
    if (manifest !== undefined) {
      return await to.ask({ ...errandOf(request, to), body: manifest }, exchange);
    }
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
    throw failed(to, upstreamFailure(error).report);
  } finally {
    done();
  }
}

function failed(member: Upstream, failure: FailureReport): Error {
  return failureError([{ member, outcome: "failed", failure }]);
}
