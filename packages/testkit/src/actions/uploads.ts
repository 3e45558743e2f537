import { allow, type Context } from "../http/context.ts";
import { ProtocolError } from "../http/error.ts";
import type { Reply } from "../http/reply.ts";
import { usualUploads } from "../http/route.ts";
import { fill } from "../http/templates.ts";
import type { StoredBlob } from "../storage/store.ts";
import { Upload } from "../storage/uploads.ts";
import { location } from "./manifests.ts";

/** POST: begins an upload, mounts a blob, or takes one in a single request. */
export async function uploads(context: Context, name: string): Promise<Reply> {
  allow(context, "POST");
  const { query, store, options } = context;
  const mount = query.get("mount");
  const mounted = mount === null ? undefined : mountable(context, mount, query.get("from"));
  if (mount !== null && mounted !== undefined) {
    store.open(name).blobs.set(mount, mounted);
    return created(context, name, mount);
  }
  const upload = new Upload(name, options.discardUploads === true);
  const digest = query.get("digest");
  if (digest !== null) {
    return finish(context, upload, digest);
  }
  context.uploads.set(upload.id, upload);
  return progress(context, upload, 202);
}

/** GET, PATCH, PUT and DELETE of an upload session. */
export async function upload(context: Context, id: string, name?: string): Promise<Reply> {
  allow(context, "GET", "PATCH", "PUT", "DELETE");
  const found = context.uploads.get(id);
  if (found === undefined || (name !== undefined && found.repository !== name)) {
    throw new ProtocolError("BLOB_UPLOAD_UNKNOWN", id);
  }
  switch (context.method) {
    case "GET":
      return progress(context, found, 204);
    case "DELETE":
      context.uploads.delete(id);
      return { status: 204 };
    case "PATCH":
      requireNext(context, found);
      await context.receive((piece) => found.write(piece));
      return progress(context, found, 202);
    default: {
      const digest = context.query.get("digest");
      if (digest === null) {
        throw new ProtocolError("DIGEST_INVALID", "digest missing");
      }
      return finish(context, found, digest);
    }
  }
}

function mountable({ store }: Context, digest: string, from: string | null): StoredBlob | undefined {
  return from === null ? store.anywhere(digest) : store.get(from)?.blobs.get(digest);
}

/** Chunks come in order (distribution-spec 1.1, "Pushing a blob in chunks"). */
function requireNext({ request }: Context, { size }: Upload): void {
  const [, start] = /^(?:bytes )?(\d+)-\d+$/.exec(request.headers["content-range"] ?? "") ?? [];
  if (start !== undefined && Number(start) !== size) {
    throw new ProtocolError("BLOB_UPLOAD_INVALID", { expected: size, given: Number(start) });
  }
}

async function finish(context: Context, upload: Upload, digest: string): Promise<Reply> {
  await context.receive((piece) => upload.write(piece));
  const blob = upload.finish(digest);
  if (blob === undefined) {
    throw new ProtocolError("DIGEST_INVALID", digest);
  }
  context.uploads.delete(upload.id);
  context.store.open(upload.repository).blobs.set(digest, blob);
  return created(context, upload.repository, digest);
}

function created(context: Context, name: string, digest: string): Reply {
  return {
    status: 201,
    headers: { Location: location(context, `/v2/${name}/blobs/${digest}`), "Docker-Content-Digest": digest },
  };
}

function progress(context: Context, { id, repository, size }: Upload, status: number): Reply {
  const { uploads: template = usualUploads } = context.options;
  return {
    status,
    headers: {
      Location: location(context, `${fill(template, { name: repository, id })}?_state=${size}`),
      "Docker-Upload-UUID": id,
      Range: `0-${Math.max(0, size - 1)}`,
    },
  };
}
