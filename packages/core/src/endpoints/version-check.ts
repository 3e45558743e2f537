import type { CompleteConfig } from "../config/complete.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { routerDecision, sendJson } from "../http/respond.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errorFrom, respondWith } from "../pull/respond.ts";
import type { Policy } from "../routing/policy.ts";
import { isUp, type Pings } from "../upstream/pings.ts";
import { reportOf } from "../upstream/query-outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { Upstream } from "../upstream/upstream.ts";

interface BaseContext {
  readonly config: Pick<CompleteConfig, "base">;
  readonly policy: Policy<Upstream>;
  readonly upstreams: readonly Upstream[];
  readonly pings: Pings;
}

/**
 * `/v2/`: whether this is a registry, and whether it is ready for this client.
 * @param direct the one registry that the host name of the request stands for
 */
export async function base(
  { config, policy: { hosted }, upstreams, pings }: BaseContext,
  exchange: Exchange,
  request: RegistryRequest,
  direct: Upstream | undefined,
): Promise<Decision> {
  const mayMeanHosted = direct === undefined || direct === hosted;
  const refused =
    mayMeanHosted && hosted.passthrough ? await refusedByHosted(exchange, request, hosted) : undefined;
  if (refused !== undefined) {
    return refused;
  }
  const several = config.base === "hosted" ? [hosted] : upstreams;
  const asked = direct === undefined ? several : [direct];
  const pinged = await Promise.all(
    asked.map(async (upstream) => ({ upstream, ping: await pings.ping(upstream) })),
  );
  const objections = pinged
    .filter(({ ping }) => !isUp(ping))
    .map(({ upstream, ping }) => ({ upstream: upstream.name, cause: ping.objection }));
  const enough = config.base === "any" ? objections.length < asked.length : objections.length === 0;
  if (!enough) {
    throw new RegistryError("UNAVAILABLE", {
      message: objections.map(({ upstream, cause }) => `${upstream}: ${cause}`).join(", "),
      detail: { upstreams: objections },
    });
  }
  return sendJson(exchange, routerDecision("upstreams answer"), { status: 200, value: {} });
}

/**
 * Hosted checks the client's own credentials, so its refusal and challenge are relayed: docker login uses no other request.
 * @returns undefined if hosted accepts the client
 * @throws RegistryError if hosted failed: docker login takes 200 for a valid password
 */
async function refusedByHosted(
  exchange: Exchange,
  request: RegistryRequest,
  hosted: Upstream,
): Promise<Decision | undefined> {
  const said = await hosted.query(toUpstreamRequest(request, hosted, exchange));
  if (said.outcome === "final") {
    return respondWith(exchange, { ended: "answered", upstream: hosted, said, attempts: [] }, "");
  }
  if (said.outcome === "found") {
    await readUpTo(said.answer.body, errorBodyLimit, hosted.timeouts.ping);
  }
  if (said.outcome !== "found" || said.answer.status !== 200) {
    const failure = said.outcome === "failed" ? said.failure : reportOf(hosted, said.answer);
    throw errorFrom(hosted, failure);
  }
  return undefined;
}
