import type { Memory } from "../cache/memory.ts";
import type { ReferrersSupport } from "../cache/referrers-support.ts";
import type { Exchange } from "../http/exchange.ts";
import { firstValue, valuesOf } from "../protocol/headers.ts";
import { namesAnImage } from "../protocol/lists.ts";
import { digestsIn } from "../protocol/manifest.ts";
import { sha256 } from "../protocol/names.ts";
import { descriptorOf, readReferrer } from "../protocol/referrers.ts";
import { pushedTags, type RegistryRequest } from "../protocol/request.ts";
import type { Ownership } from "../pull/ownership.ts";
import { errorFrom } from "../pull/respond.ts";
import type { ReferrersIndex } from "../referrers/write-index.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

export interface Push {
  readonly to: Upstream;
  readonly body: Buffer;
  readonly type: string | undefined;
}

export interface AcceptContext {
  readonly memory: Memory<Upstream>;
  readonly ownership: Ownership;
  readonly referrersSupport: ReferrersSupport<Upstream>;
  readonly referrersIndex: ReferrersIndex;
}

/**
 * To be called when hosted has accepted a manifest. Later pulls then go to hosted. If hosted has no referrers API, the router lists the
 * manifest among the referrers of its subject: clients do not, since the router answers the API.
 * @param request the client's request, or the router's own for a manifest that it copied
 * @returns headers to add to hosted's answer
 * @throws RegistryError if the manifest could not be listed, so that the client pushes again
 */
export async function afterAccept(
  { memory: { holders, pushedParts }, ownership, referrersSupport, referrersIndex }: AcceptContext,
  exchange: Exchange,
  { resource, namespace }: Pick<RegistryRequest, "resource" | "namespace">,
  { to, body, type }: Push,
  { headers }: Pick<UpstreamResponse, "headers">,
): Promise<string[]> {
  if (resource.kind !== "manifest") {
    return [];
  }
  const { repository, byDigest, reference } = resource;
  const digest = byDigest ? reference : (firstValue(headers, "docker-content-digest") ?? sha256(body));
  pushedParts.learn("hosted", repository, digest);
  holders.manifestAt(to, repository, digest);
  holders.partsAt(to, repository, digest, digestsIn(body));
  if (acceptedTags(resource, headers).some(namesAnImage)) {
    // Not by digest: the index of such a manifest may still need manifests that only a proxy has.
    ownership.pushed(repository);
  } else if (pushedTags(resource).some(namesAnImage)) {
    // Hosted may have set the tag without saying so.
    ownership.forget(repository);
  }
  const referrer = readReferrer(body);
  if (referrer === undefined) {
    return [];
  }
  if (firstValue(headers, "oci-subject") !== undefined) {
    referrersSupport.learn(to, true);
    return [];
  }
  const { subject } = referrer;
  const descriptor = descriptorOf(referrer, { digest, size: body.length, type });
  const place = { member: to, repository, subject, namespace };
  const failure = await referrersIndex.add(exchange, place, descriptor);
  if (failure !== undefined) {
    const cause = `accepted the manifest, but it could not be listed among the referrers of ${subject}: ${failure.cause}`;
    throw errorFrom(to, { ...failure, cause });
  }
  return ["OCI-Subject", subject];
}

/** The tags that hosted has set. A registry that does not know `?tag=` answers without `OCI-Tag`. */
export function acceptedTags(
  resource: RegistryRequest["resource"],
  headers: UpstreamResponse["headers"],
): string[] {
  if (resource.kind !== "manifest") {
    return [];
  }
  const told = new Set(
    valuesOf(headers, "oci-tag").flatMap((value) => value.split(",").map((tag) => tag.trim())),
  );
  return pushedTags(resource).filter(
    (tag) => told.has(tag) || (!resource.byDigest && tag === resource.reference),
  );
}
