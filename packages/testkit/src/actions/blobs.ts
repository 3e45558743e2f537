import { redirect } from "../http/behaviours.ts";
import { allow, type Context } from "../http/context.ts";
import { ProtocolError } from "../http/error.ts";
import type { Reply } from "../http/reply.ts";
import type { StoredBlob } from "../storage/store.ts";

/** GET, HEAD and DELETE of a blob. */
export function blob(context: Context, name: string, digest: string): Reply {
  allow(context, "GET", "HEAD", "DELETE");
  if (!/^[a-z0-9+._-]+:[a-zA-Z0-9=_-]+$/.test(digest)) {
    throw new ProtocolError("DIGEST_INVALID", digest);
  }
  const repository = context.store.get(name);
  const found = repository?.blobs.get(digest);
  if (repository === undefined || found === undefined) {
    const reads = context.method !== "DELETE";
    throw new ProtocolError(
      reads && context.options.unknownBlob === "error" ? "UNKNOWN" : "BLOB_UNKNOWN",
      digest,
    );
  }
  if (context.method === "DELETE") {
    if (context.options.deletes === false) {
      throw new ProtocolError("UNSUPPORTED");
    }
    repository.blobs.delete(digest);
    return { status: 202 };
  }
  if (context.options.redirectBlobs !== undefined && context.method === "GET") {
    return {
      status: 307,
      headers: { Location: new URL(`/storage/${digest}`, context.options.redirectBlobs).href },
    };
  }
  return redirect(context, { kind: "blob", repository: name, digest }) ?? serveBlob(context, digest, found);
}

/** A blob at a path of the registry's own that a redirect has named. */
export function download(context: Context, digest: string): Reply {
  allow(context, "GET", "HEAD");
  const found = context.store.anywhere(digest);
  return found === undefined ? { status: 404 } : serveBlob(context, digest, found);
}

/** Object storage: blobs by digest alone. It refuses credentials, as signed addresses do. */
export function storage(context: Context, digest: string): Reply {
  allow(context, "GET", "HEAD");
  if (context.request.headers.authorization !== undefined) {
    return { status: 400, body: "Only one auth mechanism allowed\n" };
  }
  return download(context, digest);
}

function serveBlob({ request, method }: Context, digest: string, { size, content }: StoredBlob): Reply {
  const headers = {
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": digest,
    ETag: `"${digest}"`,
    "Accept-Ranges": "bytes",
  };
  if (request.headers["if-none-match"]?.includes(digest) === true) {
    return { status: 304, headers };
  }
  if (content === undefined) {
    if (method === "HEAD") {
      return { status: 200, headers: { ...headers, "Content-Length": String(size) } };
    }
    throw new ProtocolError("BLOB_UNKNOWN", "its content was discarded");
  }
  const range = rangeOf(request.headers.range, size);
  if (range === "unsatisfiable") {
    return { status: 416, headers: { "Content-Range": `bytes */${size}` } };
  }
  const [start, end] = range ?? [0, size];
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      ...(range !== undefined && { "Content-Range": `bytes ${start}-${end - 1}/${size}` }),
    },
    body: { size: end - start, open: () => content.read(start, end) },
  };
}

/** One byte range (RFC 9110 14.1.2), as start and end; others are ignored, which a server may. */
function rangeOf(header: string | undefined, size: number): [number, number] | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") {
    return undefined;
  }
  const start = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(size, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) {
    return undefined;
  }
  return start >= end ? "unsatisfiable" : [start, end];
}
