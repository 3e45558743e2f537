import { allow, type Context, receiveAll } from "../http/context.ts";
import { ProtocolError } from "../http/error.ts";
import type { Reply } from "../http/reply.ts";
import { digestOf } from "../storage/content.ts";
import { childrenOf, readManifest, subjectOf } from "../storage/manifest.ts";
import type { Repository, StoredManifest } from "../storage/store.ts";

const digestTag = /^(sha256|sha512)-([0-9a-f]{64,128})$/;

/** GET, HEAD, PUT and DELETE of a manifest. */
export async function manifest(context: Context, name: string, asked: string): Promise<Reply> {
  allow(context, "GET", "HEAD", "PUT", "DELETE");
  const reference = context.options.digestTags === true ? asked.replace(digestTag, "$1:$2") : asked;
  if (context.method === "PUT") {
    return put(context, name, reference);
  }
  if (context.method === "DELETE" && context.options.deletes === false) {
    // Whatever it is, as with distribution.
    throw new ProtocolError("UNSUPPORTED");
  }
  if (context.method === "DELETE" && context.options.deletes === "digests" && !reference.includes(":")) {
    throw new ProtocolError("DIGEST_INVALID", reference);
  }
  const repository = context.store.get(name);
  const found = repository?.find(reference);
  if (repository === undefined || found === undefined) {
    throw unknown(context, name, reference);
  }
  if (context.method === "DELETE") {
    return remove(repository, reference);
  }
  return serve(context, found);
}

function serve({ request }: Context, { digest, mediaType, bytes }: StoredManifest): Reply {
  const headers = { "Content-Type": mediaType, "Docker-Content-Digest": digest, ETag: `"${digest}"` };
  const known = request.headers["if-none-match"];
  return known?.includes(digest) === true ? { status: 304, headers } : { status: 200, headers, body: bytes };
}

async function put(context: Context, name: string, reference: string): Promise<Reply> {
  const bytes = await receiveAll(context);
  const manifest = readManifest(bytes);
  if (manifest === undefined) {
    throw new ProtocolError("MANIFEST_INVALID", "not a JSON object");
  }
  const byDigest = reference.includes(":");
  const digest = digestOf(bytes, byDigest && reference.startsWith("sha512:") ? "sha512" : "sha256");
  if (byDigest && reference !== digest) {
    throw new ProtocolError("DIGEST_INVALID", { given: reference, computed: digest });
  }
  const repository = context.store.get(name);
  const [missing, ...others] = childrenOf(manifest).filter(
    (child) => !(repository?.blobs.has(child) || repository?.manifests.has(child)),
  );
  if (missing !== undefined && context.options.validatesManifests !== false) {
    throw new ProtocolError("MANIFEST_BLOB_UNKNOWN", missing, {}, others);
  }
  const mediaType =
    context.request.headers["content-type"] ?? manifest.mediaType ?? "application/octet-stream";
  store(context.store.open(name), { digest, mediaType, bytes }, byDigest ? [] : [reference]);
  const subject = subjectOf(manifest);
  return {
    status: 201,
    headers: {
      Location: location(context, `/v2/${name}/manifests/${digest}`),
      "Docker-Content-Digest": digest,
      ...(subject !== undefined &&
        (context.options.referrers ?? true) === true && { "OCI-Subject": subject }),
    },
  };
}

/** Puts a manifest and its tags in place. */
export function store(repository: Repository, manifest: StoredManifest, tags: readonly string[]): void {
  repository.manifests.set(manifest.digest, manifest);
  for (const tag of tags) {
    repository.tags.set(tag, manifest.digest);
  }
}

/** An address in the style that the registry was asked for. */
export function location({ options, origin }: Context, path: string): string {
  return options.locations === "absolute" ? `${origin}${path}` : path;
}

function remove(repository: Repository, reference: string): Reply {
  if (!repository.tags.delete(reference)) {
    repository.remove(reference);
  }
  return { status: 202 };
}

/** The registry's way of saying that it has no such manifest. */
export function unknown({ options }: Context, name: string, reference: string): ProtocolError {
  const byDigest = reference.includes(":");
  const style =
    options.unknownManifestDigest ?? (options.upstream === undefined ? "not-found" : "distribution-2");
  const real = new ProtocolError(
    "MANIFEST_UNKNOWN",
    byDigest ? { Name: name, Revision: reference } : { Tag: reference },
  );
  if (!byDigest || style === "not-found") {
    return real;
  }
  return new ProtocolError(
    "UNKNOWN",
    style === "distribution-2" ? real.toJSON() : "manifest unknown: manifest unknown",
  );
}
