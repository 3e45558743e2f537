import type { Decision, Exchange } from "../http/exchange.ts";
import type { Metrics } from "../observe/metrics.ts";
import { valuesOf } from "../protocol/headers.ts";
import { namesAnImage, readNames, tagsInBeginning } from "../protocol/lists.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { failover } from "../pull/failover.ts";
import { longestTagPage, peek, readTagPage, searchImageTag, type TagPageAnswer } from "../pull/image-tags.ts";
import { respondNotFound, respondWith } from "../pull/respond.ts";
import { endsAfterFailureOf, type ListPlan } from "../routing/plan.ts";
import { broken, type QueryOutcome } from "../upstream/query-outcome.ts";
import { toUpstreamRequest, type UpstreamRequest } from "../upstream/request.ts";
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
      const asked = { ...toUpstreamRequest(request, upstream, exchange), bypassBreaker };
      const isJudged =
        upstream.kind === "hosted" && order.length > 1 && request.method === "GET" && isOfTags(request);
      // To be read here, so not packed, nor a part, nor "not modified".
      const said = await upstream.query(isJudged ? { ...asked, whole: true } : asked);
      return isJudged ? unlessUnknown(said, upstream, asked) : said;
    },
    revive: (upstream) => upstream.retryMode(),
    stopsAfterFailureOf: (upstream) => endsAfterFailureOf(upstream, plan),
    onFallback: (from, to) => metrics.fallbacks.inc({ from: from.name, to: to.name }),
  });
  return end.ended === "exhausted"
    ? respondNotFound(exchange, request.resource.kind, end)
    : respondWith(exchange, end, "found");
}

function isOfTags({ resource }: RegistryRequest): boolean {
  return resource.kind === "tags";
}

/**
 * Hosted knows a repository if one of its tags names an image. olareg answers 200 with an empty list to an unknown repository, and
 * distribution does with `n` or `last`. A client that pages through a proxy's tags would stop after one page if that counted. What a
 * page of hosted counts as does not depend on the page that the client asks for.
 */
async function unlessUnknown(
  said: QueryOutcome,
  upstream: Upstream,
  request: UpstreamRequest,
): Promise<QueryOutcome> {
  if (said.outcome !== "found" || said.answer.status !== 200) {
    return said;
  }
  const { answer } = said;
  const { idle } = upstream.timeouts;
  const begun = await peek(answer.body, idle);
  if (begun === undefined) {
    return broken("its list of tags broke off");
  }
  const text = begun.bytes.toString();
  if (tagsInBeginning(text).some(namesAnImage) || (begun.isWhole && readNames(text, "tags") === undefined)) {
    return begun.isWhole ? { outcome: "final", answer, body: begun.bytes } : said;
  }
  const body = begun.isWhole ? begun.bytes : await readUpTo(answer.body, longestTagPage, idle);
  if (body === undefined) {
    return broken("its list of tags broke off, or has signatures alone and more than 4 MiB of them a page");
  }
  const isAll = request.search === "" && valuesOf(answer.headers, "link").length === 0;
  if (isAll && !readNames(body.toString(), "tags")?.some(namesAnImage)) {
    return { outcome: "not_found", answer, body };
  }
  const searched = await searchImageTag((search) => pageAt(upstream, { ...request, search }));
  if ("problem" in searched) {
    return broken(searched.problem);
  }
  if ("end" in searched && searched.end.outcome !== "not_found") {
    return searched.end;
  }
  const isKnown = "found" in searched && searched.found;
  return { outcome: isKnown ? "final" : "not_found", answer, body };
}

async function pageAt(
  upstream: Upstream,
  request: UpstreamRequest,
): Promise<TagPageAnswer<Exclude<QueryOutcome, { outcome: "found" }>>> {
  const said = await upstream.query({ ...request, whole: true });
  if (said.outcome !== "found") {
    const isRejected = said.outcome === "final" && said.answer.status === 400;
    return isRejected ? { rejected: said } : { end: said };
  }
  if (said.answer.status !== 200) {
    said.answer.body.destroy();
    return { end: broken(`answered ${said.answer.status} to tags/list`) };
  }
  const page = await readTagPage(said.answer, upstream.timeouts.idle);
  return page === undefined ? { end: broken("its list of tags broke off") } : { page };
}
