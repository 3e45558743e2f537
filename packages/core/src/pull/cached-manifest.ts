import type { CachedManifest, ManifestCache } from "../cache/manifests.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { send } from "../http/respond.ts";
import type { Metrics } from "../observe/metrics.ts";
import { firstValue, valuesOf } from "../protocol/headers.ts";
import { isContent, isDigest } from "../protocol/names.ts";
import { acceptsMediaType } from "../protocol/shareable.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ManifestQuestion } from "./manifest.ts";

// Headers about the content. The others are about one response: its date, the rest of a rate limit. By name in lower case.
const aboutContent: ReadonlyMap<string, string> = new Map(
  [
    "Cache-Control",
    "Content-Type",
    "Docker-Content-Digest",
    "Docker-Distribution-Api-Version",
    "ETag",
    "Last-Modified",
    "Vary",
  ].map((name) => [name.toLowerCase(), name]),
);

/** Caches a manifest if its bytes have its digest, and it has no warning: a warning is about one response. */
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
  if (!manifests.isOn || mediaType === undefined || !isDigest(digest)) {
    return;
  }
  const before = manifests.get(repository, digest);
  const isKnown = before?.holder === holder && before.search === search;
  if (isKnown || firstValue(headers, "warning") !== undefined || !isContent(digest, body)) {
    return;
  }
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = aboutContent.get(headers[index]?.toLowerCase() ?? "");
    if (name !== undefined) {
      kept.push(name, headers[index + 1] ?? "");
    }
  }
  if (firstValue(headers, "docker-content-digest") === undefined) {
    kept.push("Docker-Content-Digest", digest);
  }
  manifests.set(repository, digest, { holder, search, variant, mediaType, headers: kept, body });
}

/**
 * The manifest, if its upstream may be asked, and the client has sent the same `Accept` or names the media type. Undefined for HEAD:
 * pushing clients do not upload what HEAD finds, so an upstream has to confirm it.
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

export function sendCached(
  metrics: Metrics,
  exchange: Exchange,
  { holder, headers, body }: CachedManifest<Upstream>,
): Decision {
  metrics.cacheHits.inc({ cache: "manifest" });
  return send(exchange, { upstream: holder.name, reason: "cached" }, { status: 200, headers, body });
}
