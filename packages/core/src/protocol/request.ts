import { RegistryError } from "./errors.ts";
import { isDigest, isRepositoryName, isTag } from "./names.ts";

/** What a request is about: a row of the route contract, as a value. */
export type Resource =
  | { readonly kind: "base" }
  | { readonly kind: "catalog" }
  | { readonly kind: "tags"; readonly repository: string }
  | { readonly kind: "referrers"; readonly repository: string; readonly digest: string }
  | {
      readonly kind: "manifest";
      readonly repository: string;
      readonly reference: string;
      readonly byDigest: boolean;
    }
  | { readonly kind: "blob"; readonly repository: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly repository: string; readonly mount: Mount | undefined }
  | { readonly kind: "upload-session"; readonly repository: string; readonly session: string };

/** `POST ?mount=<digest>&from=<repository>`: a blob to be taken over from another repository. */
export interface Mount {
  readonly digest: string;
  /** Undefined where the client leaves it to the registry to find one (automatic content discovery). */
  readonly from: string | undefined;
}

/** A request of the distribution API, parsed once; everything after works on this. */
export interface RegistryRequest {
  readonly method: string;
  readonly resource: Resource;
  /**
   * The path that upstreams are asked for, written anew from `resource`: whatever the client's spelling,
   * an upstream can only understand what was decided on.
   */
  readonly path: string;
  /** `?` and what follows, byte for byte, or empty. */
  readonly search: string;
  /** The registry on whose behalf a containerd mirror is asked: `?ns=docker.io`. */
  readonly namespace: string | undefined;
}

const methods: Readonly<Record<Resource["kind"], readonly string[]>> = {
  base: ["GET", "HEAD"],
  catalog: ["GET"],
  tags: ["GET"],
  referrers: ["GET"],
  manifest: ["GET", "HEAD", "PUT", "DELETE"],
  blob: ["GET", "HEAD", "DELETE"],
  uploads: ["POST"],
  "upload-session": ["GET", "PATCH", "PUT", "DELETE"],
};

// pchar of RFC 3986 without percent-encoding: what registries put into the address of an upload session.
const sessionGrammar = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]{1,2048}$/;

/**
 * Reads the part of a request target behind `/v2/`. Names may have any depth and components called
 * `manifests`, `blobs` or `tags`, so it is read from the right.
 * @param rest what follows `/v2/` in the path, still percent-encoded
 * @throws RegistryError NOT_FOUND, UNSUPPORTED (405, with `Allow`), NAME_INVALID, DIGEST_INVALID,
 *   TAG_INVALID, MANIFEST_UNKNOWN
 */
export function parseRequest(method: string, rest: string, search: string): RegistryRequest {
  const segments = rest.split("/").map(decodeSegment);
  const resource = parseResource(method, segments, search);
  const allowed = methods[resource.kind];
  if (!allowed.includes(method)) {
    throw new RegistryError("UNSUPPORTED", {
      message: `${method} is not among the methods of this path: ${allowed.join(", ")}`,
      headers: { Allow: allowed.join(", ") },
    });
  }
  return { method, resource, path: `/v2/${segments.join("/")}`, search, namespace: parseNamespace(search) };
}

/**
 * The same request for an upload, but for its mount: registries take that for a wish and begin an upload if they cannot
 * fulfil it (distribution-spec 1.1, "Mounting a blob from another repository").
 */
export function withoutMount(request: RegistryRequest): RegistryRequest {
  const { resource, search } = request;
  if (resource.kind !== "uploads" || resource.mount === undefined) {
    return request;
  }
  const query = new URLSearchParams(search.replaceAll(";", "&"));
  query.delete("mount");
  query.delete("from");
  return {
    ...request,
    resource: { ...resource, mount: undefined },
    search: query.size === 0 ? "" : `?${query}`,
  };
}

/** A request of the router's own for a manifest, made while it serves another one. */
export function manifestRequest(
  method: "GET" | "PUT",
  repository: string,
  reference: string,
  namespace: string | undefined,
): RegistryRequest {
  return {
    method,
    resource: { kind: "manifest", repository, reference, byDigest: reference.includes(":") },
    path: `/v2/${repository}/manifests/${reference}`,
    search: namespace === undefined ? "" : `?ns=${encodeURIComponent(namespace)}`,
    namespace,
  };
}

/** An address of the API with another repository in it. */
export function renamedPath(path: string, from: string, to: string): string {
  const start = `/v2/${from}/`;
  return from !== to && path.startsWith(start) ? `/v2/${to}/${path.slice(start.length)}` : path;
}

function parseResource(method: string, segments: readonly string[], search: string): Resource {
  const last = segments.at(-1) ?? "";
  const beforeLast = segments.at(-2);
  if (beforeLast === undefined) {
    if (last === "") {
      return { kind: "base" };
    }
    if (last === "_catalog") {
      return { kind: "catalog" };
    }
    throw new RegistryError("NOT_FOUND");
  }
  if (beforeLast === "tags" && last === "list") {
    return { kind: "tags", repository: repositoryOf(segments.slice(0, -2)) };
  }
  if (beforeLast === "manifests") {
    return parseManifest(method, repositoryOf(segments.slice(0, -2)), last);
  }
  if (beforeLast === "referrers") {
    return { kind: "referrers", repository: repositoryOf(segments.slice(0, -2)), digest: digestOf(last) };
  }
  if (beforeLast === "uploads" && segments.at(-3) === "blobs") {
    return parseUpload(repositoryOf(segments.slice(0, -3)), last, search);
  }
  if (beforeLast === "blobs") {
    return { kind: "blob", repository: repositoryOf(segments.slice(0, -2)), digest: digestOf(last) };
  }
  throw new RegistryError("NOT_FOUND");
}

function parseManifest(method: string, repository: string, reference: string): Resource {
  if (reference.includes(":")) {
    return { kind: "manifest", repository, reference: digestOf(reference), byDigest: true };
  }
  if (!isTag(reference)) {
    // No registry can hold such a tag, so whoever asks for it is told that it is not there.
    const asked = method === "GET" || method === "HEAD";
    throw new RegistryError(asked ? "MANIFEST_UNKNOWN" : "TAG_INVALID", { detail: { tag: clip(reference) } });
  }
  return { kind: "manifest", repository, reference, byDigest: false };
}

function parseUpload(repository: string, session: string, search: string): Resource {
  if (session === "") {
    return { kind: "uploads", repository, mount: parseMount(search) };
  }
  if (!sessionGrammar.test(session) || /^\.+$/.test(session)) {
    throw new RegistryError("NOT_FOUND", { message: "no such upload session" });
  }
  return { kind: "upload-session", repository, session };
}

// Read as leniently as an upstream may read it: what is authorized must cover whatever is understood there.
function parseMount(search: string): Mount | undefined {
  if (search === "") {
    return undefined;
  }
  // Registries built with Go before 1.17 (distribution 2.7, say), and others still, take `;` for `&`.
  const query = new URLSearchParams(search.replaceAll(";", "&"));
  const digests = query.getAll("mount");
  const sources = query.getAll("from");
  if (digests.length > 1 || sources.length > 1) {
    throw new RegistryError("NAME_INVALID", { message: "mount and from may be given once each" });
  }
  const [digest] = digests;
  if (digest === undefined || digest === "") {
    return undefined;
  }
  const [from] = sources;
  return {
    digest: digestOf(digest),
    from: from === undefined || from === "" ? undefined : repositoryOf(from.split("/")),
  };
}

// Which proxy is meant follows from it, so an upstream must not be able to read another one out of the same query.
function parseNamespace(search: string): string | undefined {
  if (!search.includes("ns=") && !search.includes("%")) {
    return undefined;
  }
  const [namespace, ...others] = new URLSearchParams(search.replaceAll(";", "&")).getAll("ns");
  if (others.length > 0) {
    throw new RegistryError("NAME_INVALID", { message: "ns may be given once" });
  }
  return namespace === undefined || namespace === "" ? undefined : namespace.toLowerCase();
}

function repositoryOf(components: readonly string[]): string {
  const repository = components.join("/");
  if (!isRepositoryName(components)) {
    throw new RegistryError("NAME_INVALID", { detail: { name: clip(repository) } });
  }
  return repository;
}

function digestOf(text: string): string {
  if (!isDigest(text)) {
    throw new RegistryError("DIGEST_INVALID", { detail: { digest: clip(text) } });
  }
  return text;
}

// Once, and never into a separator: `%2F` in a name would otherwise mean one repository here and another there.
function decodeSegment(segment: string): string {
  if (!segment.includes("%")) {
    return segment;
  }
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch (cause) {
    throw new RegistryError("NAME_INVALID", { message: "the path is not well percent-encoded", cause });
  }
  if (/[/\\%?#]/.test(decoded)) {
    throw new RegistryError("NAME_INVALID", { message: "the path has a percent-encoded separator" });
  }
  return decoded;
}

const longestEcho = 100;

function clip(text: string): string {
  return text.length <= longestEcho ? text : `${text.slice(0, longestEcho)}...`;
}
