import { allow, type Context } from "../http/context.ts";
import { ProtocolError } from "../http/error.ts";
import { json, type Reply } from "../http/reply.ts";
import { artifactTypeOf, readManifest, subjectOf } from "../storage/manifest.ts";
import type { StoredManifest } from "../storage/store.ts";
import { byBytes, byComponents, pageOf } from "./paging.ts";

/** The tags of a repository (distribution-spec 1.1, "Listing Tags"). */
export function tags(context: Context, name: string): Reply {
  allow(context, "GET");
  const repository = context.store.get(name);
  const { unknownTags = "not-found" } = context.options;
  if (repository === undefined && unknownTags === "not-found") {
    throw new ProtocolError("NAME_UNKNOWN", { name });
  }
  if (repository === undefined) {
    return json(200, { name, tags: unknownTags === "null" ? null : [] });
  }
  const page = pageOf(context, [...repository.tags.keys()], byBytes, `/v2/${name}/tags/list`);
  return json(200, { name, tags: page.entries }, page.headers);
}

/** The repositories (distribution's specification, "Listing Repositories"). */
export function catalog(context: Context): Reply {
  allow(context, "GET");
  const page = pageOf(context, context.store.names(), byComponents, "/v2/_catalog");
  return json(200, { repositories: page.entries }, page.headers);
}

/** What refers to a manifest (distribution-spec 1.1, "Listing Referrers"). */
export function referrers(context: Context, name: string, subject: string): Reply {
  allow(context, "GET");
  const { options, query, store } = context;
  if (options.referrers === "redirect") {
    // As ghcr.io does: the page is not there, and its address has lost the digest (artifacthub/hub#4785).
    const page = `/-/v2/packages/container/package/${encodeURIComponent(name)}%2Freferrers%2Fsha256`;
    return { status: 303, headers: { Location: `${context.elsewhere}${page}` } };
  }
  if (options.referrers ?? options.upstream === undefined) {
    const all = [...(store.get(name)?.manifests.values() ?? [])].flatMap((manifest) =>
      referrerOf(manifest, subject),
    );
    const wanted = query.get("artifactType");
    const manifests = wanted === null ? all : all.filter(({ artifactType }) => artifactType === wanted);
    const mediaType = "application/vnd.oci.image.index.v1+json";
    const filtered: Record<string, string> = wanted === null ? {} : { "OCI-Filters-Applied": "artifactType" };
    return json(200, { schemaVersion: 2, mediaType, manifests }, { "Content-Type": mediaType, ...filtered });
  }
  return {
    status: 404,
    headers: { "Content-Type": "text/plain; charset=utf-8" },
    body: "404 page not found\n",
  };
}

function referrerOf({ bytes, mediaType, digest }: StoredManifest, subject: string) {
  const manifest = readManifest(bytes);
  if (manifest === undefined || subjectOf(manifest) !== subject) {
    return [];
  }
  const { annotations } = manifest;
  return [
    {
      mediaType,
      digest,
      size: bytes.length,
      artifactType: artifactTypeOf(manifest),
      ...(annotations && { annotations }),
    },
  ];
}
