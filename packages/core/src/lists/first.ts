import type { Decision, Exchange } from "../http/exchange.ts";
import type { Metrics } from "../observe/metrics.ts";
import { firstValue } from "../protocol/headers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { failover } from "../pull/failover.ts";
import { respondNotFound, respondWith } from "../pull/respond.ts";
import { endsAfterFailureOf, type ListPlan } from "../routing/plan.ts";
import { broken, type QueryOutcome } from "../upstream/query-outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Tags or catalog of hosted; of the first proxy that knows the repository, if hosted does not. */
export async function list(
  metrics: Metrics,
  exchange: Exchange,
  request: RegistryRequest,
  plan: ListPlan<Upstream>,
): Promise<Decision> {
  const { order } = plan;
  const end = await failover<Upstream>({
    order,
    send: async (upstream, bypassBreaker) => {
      const said = await upstream.query({ ...toUpstreamRequest(request, upstream, exchange), bypassBreaker });
      return upstream.kind === "hosted" && order.length > 1 ? withoutNullLists(said, upstream) : said;
    },
    revive: (upstream) => upstream.retryMode(),
    stopsAfterFailureOf: (upstream) => endsAfterFailureOf(upstream, plan),
    onFallback: (from, to) => metrics.fallbacks.inc({ from: from.name, to: to.name }),
  });
  return end.ended === "exhausted"
    ? respondNotFound(exchange, request.resource.kind, end)
    : respondWith(exchange, end, "found");
}

const longestNullList = 1024;

/**
 * To `tags/list?last=...` of an unknown repository, distribution answers 200 with `"tags": null`, and to one without `last` 404. If
 * null counted as a list, a client that pages through a proxy's tags would stop after one page.
 */
async function withoutNullLists(said: QueryOutcome, upstream: Upstream): Promise<QueryOutcome> {
  if (said.outcome !== "found") {
    return said;
  }
  const { answer } = said;
  const length = Number(firstValue(answer.headers, "content-length") ?? Number.NaN);
  if (answer.status !== 200 || !(length <= longestNullList)) {
    return said;
  }
  const body = await readUpTo(answer.body, longestNullList, upstream.timeouts.idle);
  if (body === undefined) {
    return broken("the list broke off");
  }
  return /"tags":\s*null/.test(body.toString())
    ? { outcome: "not_found", answer, body }
    : { outcome: "final", answer, body };
}
