import { detached, type Exchange } from "../http/exchange.ts";
import { errorCodes } from "../protocol/error-body.ts";
import { indexType, longestManifest } from "../protocol/manifest.ts";
import { type Descriptor, imageIndex, referrersTag } from "../protocol/referrers.ts";
import { manifestRequest } from "../protocol/request.ts";
import { manifestPut } from "../pull/invalidate.ts";
import { markOwned } from "../pull/ownership.ts";
import type { FailureReport } from "../routing/outcome.ts";
import type { Services } from "../services.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import { listUnderTag, type SubjectLocation } from "./tag-schema.ts";

/**
 * Lists a manifest among its subject's referrers at a registry without the API, as clients would if the router did not answer
 * in that registry's place (distribution-spec 1.1, "Referrers Tag Schema"). One at a time per subject.
 * @returns why it could not be done
 */
export function addReferrer(
  services: Services,
  exchange: Exchange,
  place: SubjectLocation,
  descriptor: Descriptor,
): Promise<FailureReport | undefined> {
  return change(services, exchange, place, (listed) =>
    listed.some(({ digest }) => digest === descriptor.digest) ? undefined : [...listed, descriptor],
  );
}

/**
 * Takes a manifest that was deleted off the list of its subject's referrers.
 * @returns why it could not be done
 */
export function removeReferrer(
  services: Services,
  exchange: Exchange,
  place: SubjectLocation,
  deleted: string,
): Promise<FailureReport | undefined> {
  return change(services, exchange, place, (listed) => {
    const rest = listed.filter(({ digest }) => digest !== deleted);
    return rest.length === listed.length ? undefined : rest;
  });
}

/** @param alter the list as it is to be; undefined if it may stay */
function change(
  services: Services,
  exchange: Exchange,
  place: SubjectLocation,
  alter: (listed: readonly Descriptor[]) => readonly Descriptor[] | undefined,
): Promise<FailureReport | undefined> {
  const { member, repository, subject } = place;
  const key = JSON.stringify([member.name, repository, referrersTag(subject)]);
  // A client that leaves now may find the manifest at hosted when it comes back, and not push it again.
  const lasting = detached(exchange);
  return inTurn(services, key, async () => {
    const known = await listUnderTag(services, lasting, place);
    if (known.kind !== "listed") {
      return known.kind === "failed" ? known.failure : refusal(known.said);
    }
    const altered = alter(known.descriptors);
    if (altered === undefined) {
      return undefined;
    }
    const put = (manifests: readonly Descriptor[]) => write(services, lasting, place, manifests);
    const said = await put(altered);
    const missing = missingAmong(known.descriptors, said);
    // What is to be added is never given up for it.
    return refusal(missing.size === 0 ? said : await put(altered.filter((one) => !missing.has(one))));
  });
}

/** One after the other in this process, and then among all of them, if somebody keeps them apart. */
function inTurn<T>({ referrersTurns, config }: Services, key: string, work: () => Promise<T>): Promise<T> {
  const { peers } = config;
  return referrersTurns.take(key, () => (peers === undefined ? work() : peers.withLock(key, work)));
}

async function write(
  services: Services,
  exchange: Exchange,
  { member, repository, subject, namespace }: SubjectLocation,
  manifests: readonly Descriptor[],
): Promise<QueryOutcome> {
  const body = Buffer.from(imageIndex(manifests));
  if (body.length > longestManifest) {
    const cause = "the subject has more referrers than fit into an index of 4 MiB";
    return { outcome: "failed", failure: { kind: "broken", cause } };
  }
  const put = manifestRequest("PUT", repository, referrersTag(subject), namespace);
  const asked = { ...toUpstreamRequest(put, member, exchange), body, type: indexType };
  let said: QueryOutcome;
  try {
    said = await member.query(asked);
  } finally {
    await manifestPut(services, put.resource, body);
  }
  if (said.outcome === "found") {
    await readUpTo(said.answer.body, errorBodyLimit, member.timeouts.idle);
    markOwned(services, repository);
  }
  return said;
}

/**
 * Registries accept no index of manifests that they have not got. One that was deleted without the router's knowledge would
 * otherwise keep every later one off the list.
 */
function missingAmong(listed: readonly Descriptor[], said: QueryOutcome): ReadonlySet<Descriptor> {
  const text = said.outcome === "final" || said.outcome === "not_found" ? said.body.toString() : "";
  const lacks = errorCodes(text).some(
    (code) => code === "MANIFEST_BLOB_UNKNOWN" || code === "MANIFEST_UNKNOWN",
  );
  return new Set(lacks ? listed.filter(({ digest }) => text.includes(digest)) : []);
}

function refusal(said: QueryOutcome): FailureReport | undefined {
  if (said.outcome === "failed") {
    return said.failure;
  }
  const { status } = said.answer;
  return status >= 200 && status < 300 ? undefined : { kind: "broken", cause: `answered ${status}`, status };
}
