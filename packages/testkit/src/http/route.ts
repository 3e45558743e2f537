import type { RegistryOptions } from "../options.ts";
import { matcherOf } from "./templates.ts";

/** What a request is about. */
export type Route =
  | { readonly kind: "base" }
  | { readonly kind: "token" }
  | { readonly kind: "catalog" }
  | { readonly kind: "storage"; readonly digest: string }
  | { readonly kind: "tags"; readonly repository: string }
  | { readonly kind: "referrers"; readonly repository: string; readonly digest: string }
  | { readonly kind: "manifest"; readonly repository: string; readonly reference: string }
  | { readonly kind: "blob"; readonly repository: string; readonly digest: string }
  | { readonly kind: "uploads"; readonly repository: string }
  | { readonly kind: "upload"; readonly repository: string; readonly id: string }
  /** An upload session at a path of its own, which is its credential. */
  | { readonly kind: "session"; readonly id: string }
  /** A blob at a path of its own, which is its credential. */
  | { readonly kind: "download"; readonly digest: string };

// distribution-spec 1.1, "Pulling manifests". Names come first and take all they can: they may contain the words after them.
const name = "((?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*)(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)";
const digest = "([a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+)";

type Make = (first: string, second: string) => Route;

const routes: readonly (readonly [RegExp, Make])[] = [
  [/^\/v2\/$/, () => ({ kind: "base" })],
  [/^\/v2\/_catalog$/, () => ({ kind: "catalog" })],
  [new RegExp(`^/storage/${digest}$`), (digest) => ({ kind: "storage", digest })],
  [new RegExp(`^/v2/${name}/tags/list$`), (repository) => ({ kind: "tags", repository })],
  [
    new RegExp(`^/v2/${name}/referrers/${digest}$`),
    (repository, digest) => ({ kind: "referrers", repository, digest }),
  ],
  [
    new RegExp(`^/v2/${name}/manifests/([^/]+)$`),
    (repository, reference) => ({ kind: "manifest", repository, reference }),
  ],
  [new RegExp(`^/v2/${name}/blobs/uploads/$`), (repository) => ({ kind: "uploads", repository })],
  [new RegExp(`^/v2/${name}/blobs/([^/]+)$`), (repository, digest) => ({ kind: "blob", repository, digest })],
];

/** Reads a path; undefined if it is none of the registry's. */
export type ParseRoute = (path: string) => Route | undefined;

/** Where upload sessions of a registry are that says nothing else. */
export const usualUploads = "/v2/{name}/blobs/uploads/{id}";

/** The paths of a registry: those of the specification, and those that its options name. */
export function routesOf({ tokens, uploads = usualUploads, redirects = [] }: RegistryOptions): ParseRoute {
  const tokenPath = tokens?.path ?? "/token";
  const session = matcherOf(uploads);
  const downloads = redirects
    .filter(({ of, to, path }) => of.includes("blob") && to === "own" && path !== undefined)
    .map(({ path = "" }) => matcherOf(path));
  return (path) => {
    if (path === tokenPath) {
      return { kind: "token" };
    }
    const at = session.exec(path)?.groups;
    if (at !== undefined) {
      const { name: repository, id = "" } = at;
      return repository === undefined ? { kind: "session", id } : { kind: "upload", repository, id };
    }
    for (const download of downloads) {
      const digest = download.exec(path)?.groups?.digest;
      if (digest !== undefined) {
        return { kind: "download", digest };
      }
    }
    return specified(path);
  };
}

function specified(path: string): Route | undefined {
  for (const [pattern, make] of routes) {
    const match = pattern.exec(path);
    if (match !== null) {
      return make(match[1] ?? "", match[2] ?? "");
    }
  }
  return undefined;
}
