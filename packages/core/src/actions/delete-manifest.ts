import { warning } from "../protocol/headers.ts";
import { longestManifest, manifestTypes } from "../protocol/manifest-types.ts";
import { manifestRequest, type RegistryRequest } from "../protocol/request.ts";
import { readReferrer } from "../protocol/subject.ts";
import type { Services } from "../services.ts";
import { readBounded } from "../upstream/bounded-body.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { consult, errandOf } from "./consult.ts";
import type { Exchange } from "./exchange.ts";
import { removeReferrer } from "./referrers-index.ts";

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
            warning(`still listed among the referrers of ${subject}: ${from.name} ${failure.cause}`),
          ];
    },
  };
}
