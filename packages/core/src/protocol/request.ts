import { RegistryError } from "./errors.ts";
import { isDigest, isRepositoryName, isTag, longestName } from "./names.ts";
import { isSealed, longestSealed } from "./session-address.ts";

/** A request target by the part of the router that answers it. `search` begins with `?`, or is empty. */
export type Target =
  /** `rest` follows `/v2/`. */
  | { readonly kind: "api"; readonly rest: string; readonly search: string }
  /** `/v2` or `/v2/<name>/blobs/uploads`. */
  | { readonly kind: "without-slash"; readonly path: string; readonly search: string }
  /** `/v2/token`, which no repository's path can be. */
  | { readonly kind: "token" }
  | { readonly kind: "operations"; readonly page: OperationsPage }
  | { readonly kind: "root"; readonly search: string }
  | { readonly kind: "outside" };

export type OperationsPage = "healthcheck" | "livez" | "readyz" | "metrics";

const operationsPages: ReadonlyMap<string, OperationsPage> = new Map([
  ["/healthcheck", "healthcheck"],
  ["/livez", "livez"],
  ["/readyz", "readyz"],
  ["/metrics", "metrics"],
]);

// Characters.
const longestUsual = 512;

// User and password have no place in it (RFC 9110 4.2.4).
const absoluteForm = /^https?:\/\/[^/?#@]*(?=[/?#]|$)/i;

/** Parses the origin form, and the absolute form, which servers have to accept (RFC 9112 3.2.2). */
export function parseTarget(target: string): Target {
  const start = target.startsWith("/") ? 0 : (absoluteForm.exec(target)?.[0].length ?? 0);
  const origin = start === 0 ? target : target.slice(start) || "/";
  const question = origin.indexOf("?");
  let path = question === -1 ? origin : origin.slice(0, question);
  let search = question === -1 ? "" : origin.slice(question);
  if (target.length > longestUsual) {
    // A substring keeps its parent string in memory (V8), and names and queries are cached.
    path = Buffer.from(path).toString();
    search = Buffer.from(search).toString();
  }
  if (path === "/v2/token") {
    return { kind: "token" };
  }
  if (path.startsWith("/v2/") && path.endsWith("/blobs/uploads")) {
    return { kind: "without-slash", path, search };
  }
  if (path.startsWith("/v2/")) {
    return { kind: "api", rest: path.slice(4), search };
  }
  if (path === "/v2") {
    return { kind: "without-slash", path, search };
  }
  if (path === "/") {
    return { kind: "root", search };
  }
  const page = operationsPages.get(path);
  return page === undefined ? { kind: "outside" } : { kind: "operations", page };
}

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
      /** Of `PUT ?tag=a&tag=b` (distribution-spec, "Pushing Manifests"): tags beside the reference. */
      readonly tags?: readonly string[];
    }
  | { readonly kind: "blob"; readonly repository: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly repository: string; readonly mount: Mount | undefined }
  | { readonly kind: "upload-session"; readonly repository: string; readonly session: string };

type ManifestResource = Extract<Resource, { kind: "manifest" }>;

/** Each tag once that a push of a manifest may set. Hosted may not know `?tag=`; `OCI-Tag` of its answer names those that it took. */
export function pushedTags({ reference, byDigest, tags = [] }: ManifestResource): string[] {
  return [...new Set(byDigest ? tags : [reference, ...tags])];
}

/** `POST ?mount=<digest>&from=<repository>` (distribution-spec 1.1, "Mounting a blob from another repository"). */
export interface Mount {
  readonly digest: string;
  /** Undefined if the registry is to find one (automatic content discovery). */
  readonly from: string | undefined;
}

/** A request of the distribution API, parsed once. */
export interface RegistryRequest {
  readonly method: string;
  readonly resource: Resource;
  /** For upstreams. Built from the parsed segments, so that an upstream cannot read the client's spelling differently. */
  readonly path: string;
  /** With `?`, byte for byte; or empty. */
  readonly search: string;
  /** The registry for which containerd asks a mirror: `?ns=docker.io`. */
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

// pchar of RFC 3986 without percent-encoding.
const sealedGrammar = /^~[A-Za-z0-9\-._]*$/;
const sessionGrammar = /^[A-Za-z0-9\-._~!$&'()*+,;=:@]{1,2048}$/;

/**
 * Parses from the right, because names may have any depth and components such as `manifests` or `tags`.
 * @param rest the path after `/v2/`, still percent-encoded
 * @throws RegistryError NOT_FOUND, UNSUPPORTED (405, with `Allow`), NAME_INVALID, DIGEST_INVALID,
 *   TAG_INVALID, MANIFEST_UNKNOWN
 */
export function parseRequest(method: string, rest: string, search: string): RegistryRequest {
  const segments = rest.includes("%") ? rest.split("/").map(decodeSegment) : rest.split("/");
  const resource = parseResource(method, segments, search);
  const allowed = methods[resource.kind];
  if (!allowed.includes(method)) {
    throw new RegistryError("UNSUPPORTED", {
      message: `${method} is not among the methods of this path: ${allowed.join(", ")}`,
      headers: { Allow: allowed.join(", ") },
    });
  }
  const isUnclear = resource.kind === "uploads" && resource.mount === undefined;
  return {
    method,
    resource,
    path: `/v2/${segments.join("/")}`,
    search: isUnclear ? searchWithoutMount(search) : search,
    namespace: parseNamespace(search),
  };
}

/**
 * A query without the `ns` that `isMeant` says is not for the upstream: the registry that it names may answer 400 to it. Any other query
 * stays as it is, byte for byte.
 */
export function withoutNamespace(search: string, isMeant: (namespace: string) => boolean): string {
  if (!search.includes("ns") && !search.includes("%")) {
    return search;
  }
  const pairs = search.slice(1).split(/[&;]/);
  const kept = pairs.filter((pair) => {
    const namespace = new URLSearchParams(pair).get("ns");
    return namespace === null || !isMeant(namespace.toLowerCase());
  });
  if (kept.length === pairs.length) {
    return search;
  }
  return kept.length === 0 ? "" : `?${kept.join("&")}`;
}

/** A registry that cannot mount begins an upload (distribution-spec 1.1, "Mounting a blob from another repository"). */
export function withoutMount(request: RegistryRequest): RegistryRequest {
  const { resource, search } = request;
  if (resource.kind !== "uploads" || resource.mount === undefined) {
    return request;
  }
  return { ...request, resource: { ...resource, mount: undefined }, search: searchWithoutMount(search) };
}

function searchWithoutMount(search: string): string {
  const query = new URLSearchParams(search.replaceAll(";", "&"));
  if (!query.has("mount") && !query.has("from")) {
    return search;
  }
  query.delete("mount");
  query.delete("from");
  return query.size === 0 ? "" : `?${query}`;
}

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

/** Replaces the repository in a path of the API. */
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
    const manifest = parseManifest(method, repositoryOf(segments.slice(0, -2)), last);
    const tags = method === "PUT" ? parseTags(search) : [];
    return tags.length === 0 ? manifest : { ...manifest, tags };
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

function parseManifest(method: string, repository: string, reference: string): ManifestResource {
  if (reference.includes(":")) {
    return { kind: "manifest", repository, reference: digestOf(reference), byDigest: true };
  }
  if (!isTag(reference)) {
    // No registry can have such a tag, so to a pull it is unknown.
    const isPull = method === "GET" || method === "HEAD";
    throw new RegistryError(isPull ? "MANIFEST_UNKNOWN" : "TAG_INVALID", {
      detail: { tag: clip(reference) },
    });
  }
  return { kind: "manifest", repository, reference, byDigest: false };
}

// Each of them is asked for at each proxy. Registries should accept ten (distribution-spec, "Pushing Manifests").
const mostTags = 100;

// As leniently as any upstream may do it: checks must cover every tag that an upstream can understand.
function parseTags(search: string): string[] {
  if (!search.includes("tag=") && !search.includes("%")) {
    return [];
  }
  const tags = [...new Set(new URLSearchParams(search.replaceAll(";", "&")).getAll("tag"))];
  const invalid = tags.find((tag) => !isTag(tag));
  if (invalid !== undefined) {
    throw new RegistryError("TAG_INVALID", { detail: { tag: clip(invalid) } });
  }
  if (tags.length > mostTags) {
    throw new RegistryError("TAG_INVALID", { message: `a push may set at most ${mostTags} tags by ?tag=` });
  }
  return tags;
}

function parseUpload(repository: string, session: string, search: string): Resource {
  if (session === "") {
    return { kind: "uploads", repository, mount: parseMount(search) };
  }
  if (session.length > longestSealed) {
    const message = `the upload session has more than ${longestSealed} characters`;
    throw new RegistryError("BLOB_UPLOAD_UNKNOWN", { message });
  }
  if (isSealed(session) && !sealedGrammar.test(session)) {
    throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
  }
  if (!isSealed(session) && !isPlainSession(session)) {
    throw new RegistryError("NOT_FOUND", { message: "no such upload session" });
  }
  return { kind: "upload-session", repository, session };
}

/** Whether a session goes to hosted as it is. A registry's session that looks sealed does not. */
export function isPlainSession(session: string): boolean {
  return sessionGrammar.test(session) && !/^\.+$/.test(session) && !isSealed(session);
}

/**
 * Parsed as leniently as any upstream may do it: authorization must cover all that an upstream can understand. Undefined for a mount that
 * is not clear. Registries ignore one that they cannot do, and begin an upload.
 */
function parseMount(search: string): Mount | undefined {
  if (search === "") {
    return undefined;
  }
  // Go before 1.17 (distribution 2.7, for example) and others read `;` as `&`.
  const query = new URLSearchParams(search.replaceAll(";", "&"));
  const [digest = "", ...otherDigests] = query.getAll("mount");
  const [from = "", ...otherSources] = query.getAll("from");
  const isClear = otherDigests.length === 0 && otherSources.length === 0 && isDigest(digest);
  if (!isClear || (from !== "" && !isRepositoryName(from.split("/")))) {
    return undefined;
  }
  return { digest, from: from === "" ? undefined : from };
}

// It selects the proxy, so an upstream must not read another one from the same query.
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
    const tooLong = `the name of the repository has ${repository.length} characters, and may have ${longestName}`;
    throw new RegistryError("NAME_INVALID", {
      detail: { name: clip(repository) },
      ...(repository.length > longestName && { message: tooLong }),
    });
  }
  return repository;
}

function digestOf(text: string): string {
  if (!isDigest(text)) {
    throw new RegistryError("DIGEST_INVALID", { detail: { digest: clip(text) } });
  }
  return text;
}

// Decodes once, and never into a separator: an upstream could take a name with `%2F` for another repository.
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
