import type { Memory } from "../cache/memory.ts";
import type { ReferrersSupport } from "../cache/referrers-support.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { warning } from "../protocol/headers.ts";
import { longestManifest, manifestTypes } from "../protocol/manifest.ts";
import { readReferrer } from "../protocol/referrers.ts";
import { manifestRequest, type RegistryRequest } from "../protocol/request.ts";
import { type FailoverResult, failover } from "../pull/failover.ts";
import type { Invalidation } from "../pull/invalidate.ts";
import { respondNotFound, respondWith } from "../pull/respond.ts";
import type { ReferrersIndex } from "../referrers/write-index.ts";
import type { QueryOutcome } from "../upstream/query-outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { Upstream } from "../upstream/upstream.ts";

const deletion = "deletes go to hosted";

interface DeleteContext {
  readonly invalidation: Invalidation;
  readonly referrersSupport: ReferrersSupport<Upstream>;
  readonly referrersIndex: ReferrersIndex;
  readonly memory: Memory<Upstream>;
}

/** Deletes, and the state of upload sessions: only hosted is asked. */
export async function passThrough(
  context: DeleteContext,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<Decision> {
  const { resource, method } = request;
  const removeReferrer =
    method === "DELETE" ? await referrerRemovalFor(context, exchange, request, to) : undefined;
  let end: FailoverResult;
  try {
    end = await failover<Upstream>({
      order: [to],
      send: async (upstream, bypassBreaker) => {
        const said = await upstream.query({
          ...toUpstreamRequest(request, upstream, exchange),
          bypassBreaker,
        });
        return method === "DELETE" ? asVerdict(said) : said;
      },
      revive: method === "GET" ? (upstream) => upstream.retryMode() : undefined,
      stopsAfterFailureOf: () => true,
    });
  } finally {
    if (method === "DELETE" && resource.kind === "manifest") {
      await context.invalidation.deleted(resource);
    }
    if (resource.kind === "blob" || resource.kind === "manifest") {
      const digest = resource.kind === "blob" ? resource.digest : resource.reference;
      context.memory.pushedParts.forget(resource.repository, digest);
    }
  }
  if (end.ended === "exhausted") {
    return respondNotFound(exchange, resource.kind, end);
  }
  const { said } = end;
  if (removeReferrer !== undefined && said.outcome === "found") {
    const body = (await readUpTo(said.answer.body, errorBodyLimit, to.timeouts.idle)) ?? Buffer.alloc(0);
    const headers = await removeReferrer();
    return relayBuffered(exchange, deletion, { upstream: to, answer: said.answer, body }, headers);
  }
  return respondWith(exchange, end, method === "DELETE" ? deletion : "found");
}

/** As with a push, 403 is hosted's word about the operation: images that may not be deleted, say, or a user who only pushes. */
function asVerdict(said: QueryOutcome): QueryOutcome {
  return said.outcome === "failed" && said.said?.answer.status === 403
    ? { outcome: "final", ...said.said }
    : said;
}

/**
 * Reads the subject of a manifest before it is deleted, so that it can be taken off the list of referrers that the router keeps.
 * @returns undefined if there is nothing to remove; else a function that returns a `Warning` if the manifest is still listed
 * @throws ClientAborted
 */
async function referrerRemovalFor(
  { referrersSupport, referrersIndex }: Omit<DeleteContext, "invalidation" | "memory">,
  exchange: Exchange,
  request: RegistryRequest,
  from: Upstream,
): Promise<(() => Promise<string[]>) | undefined> {
  const { resource, namespace } = request;
  if (resource.kind !== "manifest" || !resource.byDigest || referrersSupport.has(from) === true) {
    return undefined;
  }
  const { repository, reference } = resource;
  const read = manifestRequest("GET", repository, reference, namespace);
  const said = await from.query({
    ...toUpstreamRequest(read, from, exchange),
    whole: true,
    accept: manifestTypes,
  });
  if (said.outcome !== "found") {
    return undefined;
  }
  const bytes = await readUpTo(said.answer.body, longestManifest, from.timeouts.idle);
  const subject = bytes === undefined ? undefined : readReferrer(bytes)?.subject;
  if (subject === undefined) {
    return undefined;
  }
  const place = { member: from, repository, subject, namespace };
  return async () => {
    const failure = await referrersIndex.remove(exchange, place, reference);
    const text = `still listed among the referrers of ${subject}: ${from.name} ${failure?.cause}`;
    return failure === undefined ? [] : ["Warning", warning(text)];
  };
}
