import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { store as storeManifest, unknown } from "../actions/manifests.ts";
import type { Context } from "../http/context.ts";
import { ProtocolError } from "../http/error.ts";
import type { Reply } from "../http/reply.ts";
import type { Route } from "../http/route.ts";
import { digestOf, heldContent } from "./content.ts";

// What a cache keeps in memory; larger blobs are fetched anew each time.
const largestKept = 64 * 1024 * 1024;

/**
 * Fetches what a cache lacks, with the manners of CNCF distribution in proxy mode: its upstream's troubles appear as 404 for
 * tags and as 500 for digests and blobs.
 * @returns an answer of its own where there is one; else the store now holds what there is to be had
 */
export async function fillCache(context: Context, upstream: URL, route: Route): Promise<Reply | undefined> {
  if ("repository" in route && context.method !== "GET" && context.method !== "HEAD") {
    throw new ProtocolError("UNSUPPORTED");
  }
  switch (route.kind) {
    case "manifest":
      await fillManifest(context, upstream, route.repository, route.reference);
      return undefined;
    case "blob":
      return fillBlob(context, upstream, route.repository, route.digest);
    case "tags":
      return relayTags(context, upstream, route.repository);
    default:
      return undefined;
  }
}

const accept = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

async function fillManifest(context: Context, upstream: URL, name: string, reference: string): Promise<void> {
  const byDigest = reference.includes(":");
  if (byDigest && context.store.get(name)?.manifests.has(reference)) {
    return;
  }
  const answer = await fetch(context, upstream, `/v2/${name}/manifests/${reference}`, {
    Accept: accept,
  }).catch(() => undefined);
  if (answer?.statusCode !== 200) {
    answer?.resume();
    const troubled = answer?.statusCode !== 404;
    if (byDigest && troubled) {
      throw new ProtocolError("UNKNOWN", "the upstream is in trouble");
    }
    if (troubled && context.store.get(name)?.find(reference) !== undefined) {
      return;
    }
    throw unknown(context, name, reference);
  }
  const bytes = await readAll(answer);
  const digest = byDigest ? reference : digestOf(bytes);
  const mediaType = answer.headers["content-type"] ?? "application/octet-stream";
  storeManifest(context.store.open(name), { digest, mediaType, bytes }, byDigest ? [] : [reference]);
}

async function fillBlob(
  context: Context,
  upstream: URL,
  name: string,
  digest: string,
): Promise<Reply | undefined> {
  if (context.store.get(name)?.blobs.has(digest)) {
    return undefined;
  }
  const answer = await fetch(context, upstream, `/v2/${name}/blobs/${digest}`, {}).catch(() => undefined);
  if (answer?.statusCode !== 200) {
    answer?.resume();
    throw answer?.statusCode === 404
      ? new ProtocolError("BLOB_UNKNOWN", digest)
      : new ProtocolError("UNKNOWN", "the upstream is in trouble");
  }
  const keep = (bytes: Buffer) => {
    context.store.open(name).blobs.set(digest, { size: bytes.length, content: heldContent(bytes) });
  };
  if (context.method === "HEAD") {
    // A cold cache answers HEAD by downloading.
    keep(await readAll(answer));
    return undefined;
  }
  const size = Number(answer.headers["content-length"]);
  const body = { size, open: () => (size <= largestKept ? Readable.from(tee(answer, keep)) : answer) };
  // Whole, whatever range was asked for, as distribution does while it fills its cache.
  return {
    status: 200,
    headers: { "Content-Type": "application/octet-stream", "Docker-Content-Digest": digest },
    body,
  };
}

async function* tee(source: IncomingMessage, whole: (bytes: Buffer) => void): AsyncGenerator<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) {
    pieces.push(piece);
    yield piece;
  }
  whole(Buffer.concat(pieces));
}

async function relayTags(context: Context, upstream: URL, name: string): Promise<Reply> {
  const search = new URL(context.request.url ?? "", upstream).search;
  const answer = await fetch(context, upstream, `/v2/${name}/tags/list${search}`, {}).catch(() => undefined);
  if (answer?.statusCode !== 200) {
    answer?.resume();
    throw new ProtocolError("NAME_UNKNOWN", { name });
  }
  const { link } = answer.headers;
  const headers = { "Content-Type": "application/json", ...(typeof link === "string" && { Link: link }) };
  return { status: 200, headers, body: await readAll(answer) };
}

/** A request that ends with the one that it is made for. */
function fetch(
  { signal }: Context,
  upstream: URL,
  path: string,
  headers: OutgoingHttpHeaders,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const open = upstream.protocol === "https:" ? httpsRequest : httpRequest;
    open(new URL(path, upstream), { headers, agent: false, signal }, resolve).on("error", reject).end();
  });
}

async function readAll(source: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
