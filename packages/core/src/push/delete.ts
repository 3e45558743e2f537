import type { Exchange } from "../http/exchange.ts";
import { repeat } from "../http/relay.ts";
import { warning } from "../protocol/headers.ts";
import { longestManifest, manifestTypes } from "../protocol/manifest.ts";
import { readReferrer } from "../protocol/referrers.ts";
import { manifestRequest, type RegistryRequest } from "../protocol/request.ts";
import { deliver, nobodyHasIt } from "../pull/answer.ts";
import { type Walk, walk } from "../pull/failover.ts";
import { manifestDeleted } from "../pull/invalidate.ts";
import { consult, errandOf } from "../pull/query.ts";
import { removeReferrer } from "../referrers/write-index.ts";
import type { Services } from "../services.ts";
import { errorBodyLimit, readBounded } from "../upstream/transport/read-body.ts";
import type { Upstream } from "../upstream/upstream.ts";

const deletion = "deletes go to hosted";

/** Deletes and the state of upload sessions: hosted alone is asked, and its word stands. */
export async function pass(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<void> {
  const { resource, method } = request;
  const unlisting = method === "DELETE" ? await unlistingOf(services, exchange, request, to) : undefined;
  let end: Walk;
  try {
    end = await walk(services, {
      order: [to],
      ask: (upstream, lastChance) =>
        consult(services, exchange, upstream, { ...errandOf(request, upstream), lastChance }),
      insists: method === "GET",
      stopsAfterFailureOf: () => true,
    });
  } finally {
    if (method === "DELETE" && resource.kind === "manifest") {
      await manifestDeleted(services, resource);
    }
  }
  if (end.ended === "exhausted") {
    nobodyHasIt(services, exchange, resource.kind, end);
    return;
  }
  const { said } = end;
  if (unlisting !== undefined && said.outcome === "found") {
    const body = (await readBounded(said.answer.body, errorBodyLimit, to.timeouts.idle)) ?? Buffer.alloc(0);
    const headers = await unlisting.run();
    exchange.decision = { upstream: to.name, reason: deletion };
    repeat(exchange, to, { answer: said.answer, body }, headers);
    return;
  }
  await deliver(exchange, end, method === "DELETE" ? deletion : "found");
}

/** What is to be done once a manifest is deleted. */
export interface Unlisting {
  /**
   * Takes the manifest off the list of its subject's referrers.
   * @returns headers to add to the answer: the manifest is gone, whether or not that works
   */
  run(): Promise<string[]>;
}

/**
 * Finds out, before a manifest is deleted, whether it stands on a list that the router keeps: nobody can tell afterwards.
 * Undefined if it does not.
 * @throws ClientGone
 */
export async function unlistingOf(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  from: Upstream,
): Promise<Unlisting | undefined> {
  const { resource, namespace } = request;
  if (resource.kind !== "manifest" || !resource.byDigest || services.referrersApis.has(from) === true) {
    return undefined;
  }
  const { repository, reference } = resource;
  const read = manifestRequest("GET", repository, reference, namespace);
  const said = await consult(services, exchange, from, {
    ...errandOf(read, from),
    whole: true,
    accept: manifestTypes.join(", "),
  });
  if (said.outcome !== "found") {
    return undefined;
  }
  const bytes = await readBounded(said.answer.body, longestManifest, from.timeouts.idle);
  const subject = bytes === undefined ? undefined : readReferrer(bytes)?.subject;
  if (subject === undefined) {
    return undefined;
  }
  const place = { member: from, repository, subject, namespace };
  return {
    async run() {
      const failure = await removeReferrer(services, exchange, place, reference);
      return failure === undefined
        ? []
        : [
            "Warning",
            warning(
              services.config.via,
              `still listed among the referrers of ${subject}: ${from.name} ${failure.cause}`,
            ),
          ];
    },
  };
}
