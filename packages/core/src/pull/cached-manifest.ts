import type { CachedManifest, ManifestCache } from "../cache/manifests.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { send } from "../http/respond.ts";
import type { Metrics } from "../observe/metrics.ts";
import { firstValue, pairs, valuesOf } from "../protocol/headers.ts";
import { isContent, isDigest } from "../protocol/names.ts";
import { acceptsMediaType } from "../protocol/shareable.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ManifestQuestion } from "./manifest.ts";

// What is said of the content. All else is about the one answer that it came with: when it was given, what is left of a rate limit.
// By their names in lower case, spelled once for all that are kept.
const aboutContent: ReadonlyMap<string, string> = new Map(
  [
    "Cache-Control",
    "Content-Type",
    "Docker-Content-Digest",
    "Docker-Distribution-Api-Version",
    "ETag",
    "Last-Modified",
    "Vary",
    "X-Content-Type-Options",
  ].map((name) => [name.toLowerCase(), name]),
);

/** Remembers a manifest that was served, if it is what its digest stands for. Not with a warning: that is about now. */
export function cacheManifest(
  manifests: ManifestCache<Upstream>,
  holder: Upstream,
  { request: { search }, resource, variant }: ManifestQuestion,
  { headers }: Pick<UpstreamResponse, "headers">,
  body: Buffer,
): void {
  const { repository, byDigest, reference } = resource;
  const digest = byDigest ? reference : (firstValue(headers, "docker-content-digest") ?? "");
  const mediaType = firstValue(headers, "content-type");
  const before = manifests.get(repository, digest);
  const isKnown = before?.holder === holder && before.search === search;
  if (!manifests.isOn || isKnown || mediaType === undefined || !isDigest(digest)) {
    return;
  }
  if (firstValue(headers, "warning") === undefined && isContent(digest, body)) {
    const kept = [...pairs(headers)].flatMap(([name, value]) => {
      const spelled = aboutContent.get(name.toLowerCase());
      return spelled === undefined ? [] : [spelled, value];
    });
    manifests.set(repository, digest, { holder, search, variant, mediaType, headers: kept, body });
  }
}

/**
 * A manifest that was served by somebody who may be asked for it, to a client that wanted it in the same way, or that names its type.
 * Not for HEAD: pushing clients skip what they are told is there, so that has to be asked.
 */
export function cachedManifest(
  manifests: ManifestCache<Upstream>,
  { request: message }: Exchange,
  { request, resource, variant }: ManifestQuestion,
  order: readonly Upstream[],
): CachedManifest<Upstream> | undefined {
  if (request.method !== "GET" || !resource.byDigest) {
    return undefined;
  }
  const kept = manifests.get(resource.repository, resource.reference);
  if (kept === undefined || kept.search !== request.search || !order.includes(kept.holder)) {
    return undefined;
  }
  const isWanted =
    kept.variant === variant || acceptsMediaType(valuesOf(message.rawHeaders, "accept"), kept.mediaType);
  return isWanted ? kept : undefined;
}

/** Answers with it. */
export function sendCached(
  metrics: Metrics,
  exchange: Exchange,
  { holder, headers, body }: CachedManifest<Upstream>,
): Decision {
  metrics.cacheHits.inc({ cache: "manifest" });
  return send(exchange, { upstream: holder.name, reason: "cached" }, { status: 200, headers, body });
}
