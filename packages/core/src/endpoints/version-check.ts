import type { Exchange } from "../http/exchange.ts";
import { sendJson } from "../http/respond.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errorFrom, respondWith } from "../pull/answer.ts";
import type { Services } from "../services.ts";
import { reportOf } from "../upstream/outcome.ts";
import { isUp } from "../upstream/pings.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Why an upstream keeps `/v2/` from answering 200. */
interface Objection {
  readonly upstream: string;
  readonly cause: string;
}

/**
 * `/v2/`: whether this is a registry, and whether it is ready for this client.
 * @param direct the one registry that the client means
 */
export async function base(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  direct: Upstream | undefined,
): Promise<void> {
  const { hosted } = services.policy;
  const mayMeanHosted = direct === undefined || direct === hosted;
  if (mayMeanHosted && hosted.passthrough && (await refusedByHosted(services, exchange, request, hosted))) {
    return;
  }
  const several = services.config.base === "hosted" ? [hosted] : services.upstreams;
  const asked = direct === undefined ? several : [direct];
  const objections = (await Promise.all(asked.map((upstream) => objection(services, upstream)))).flat();
  const enough = services.config.base === "any" ? objections.length < asked.length : objections.length === 0;
  if (!enough) {
    throw new RegistryError("UNAVAILABLE", {
      message: objections.map(({ upstream, cause }) => `${upstream}: ${cause}`).join(", "),
      detail: { upstreams: objections },
    });
  }
  exchange.decision = { upstream: "router", reason: "upstreams answer" };
  sendJson(exchange, 200, {});
}

/**
 * Hosted judges this client's own credentials, so its refusal and challenge reach the client; docker goes by them alone.
 * @throws RegistryError if hosted could not judge: docker login takes 200 for a right password
 */
async function refusedByHosted(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  hosted: Upstream,
): Promise<boolean> {
  const said = await hosted.query(toUpstreamRequest(request, hosted, exchange));
  if (said.outcome === "final") {
    await respondWith(exchange, { ended: "answered", upstream: hosted, said, attempts: [] }, "");
    return true;
  }
  if (said.outcome === "found") {
    await readUpTo(said.answer.body, errorBodyLimit, hosted.timeouts.ping);
  }
  if (said.outcome !== "found" || said.answer.status !== 200) {
    const failure = said.outcome === "failed" ? said.failure : reportOf(hosted, said.answer);
    throw errorFrom(hosted, failure);
  }
  return false;
}

async function objection({ pings }: Services, upstream: Upstream): Promise<Objection[]> {
  const ping = await pings.ping(upstream);
  return isUp(upstream, ping)
    ? []
    : [{ upstream: upstream.name, cause: ping.failure?.cause ?? `answered ${ping.status}` }];
}
