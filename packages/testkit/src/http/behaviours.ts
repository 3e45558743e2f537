import type { ErrorAnswer, RedirectOptions } from "../behaviour.ts";
import type { Store } from "../storage/store.ts";
import { OwnError } from "./answers.ts";
import type { Access } from "./auth.ts";
import type { Context } from "./context.ts";
import { ProtocolError } from "./error.ts";
import type { Reply } from "./reply.ts";
import type { Route } from "./route.ts";
import { fill } from "./templates.ts";

/**
 * What a registry of some makes does before it looks for content: it redirects, or it refuses what does not exist.
 * @returns the redirect, if it redirects
 * @throws OwnError, ProtocolError where it refuses
 */
export function beforehand(context: Context, route: Route, access: Access): Reply | undefined {
  if (route.kind === "catalog" && context.options.catalog === false) {
    return { status: 404, headers: plain, body: "404 page not found\n" };
  }
  if (route.kind === "manifest" && context.method === "HEAD" && context.options.headManifests) {
    return { status: context.options.headManifests };
  }
  const reads = context.method === "GET" || context.method === "HEAD";
  if (context.options.readOnly === true && !reads) {
    throw new ProtocolError("UNSUPPORTED");
  }
  if ("repository" in route) {
    requireRepository(context, route.repository, access);
  }
  return route.kind === "blob" ? undefined : redirect(context, route);
}

const plain = { "Content-Type": "text/plain; charset=utf-8" };
const notThere: ErrorAnswer = {
  status: 404,
  code: "NAME_UNKNOWN",
  message: "repository name not known to registry",
};

function requireRepository({ options, store, method }: Context, name: string, access: Access): void {
  const { mustExist, unknownRepository, missingProject = notThere } = options;
  const reads = method === "GET" || method === "HEAD";
  if (!reads && mustExist !== undefined && !exists(store, name, mustExist)) {
    throw new OwnError(missingProject, name);
  }
  // Who may push where a push creates the repository is told of a repository without content.
  const creates = mustExist === undefined && access.push;
  const tells = access.user && !creates && unknownRepository !== undefined;
  if (reads && tells && !exists(store, name, mustExist ?? "all")) {
    throw new OwnError(unknownRepository, name);
  }
}

function exists(store: Store, name: string, depth: number | "all"): boolean {
  if (depth === "all") {
    return store.get(name) !== undefined;
  }
  const project = name.split("/").slice(0, depth).join("/");
  return store.names().some((one) => one === project || one.startsWith(`${project}/`));
}

/** The redirect of a request, if the registry redirects such requests. */
export function redirect(context: Context, route: Route): Reply | undefined {
  const { options, method } = context;
  const found = options.redirects?.find(
    ({ of, methods = ["GET"] }) => of.some((kind) => kind === route.kind) && methods.includes(method),
  );
  return found && { status: found.status ?? 307, headers: { Location: target(context, route, found) } };
}

function target(
  { request, elsewhere }: Context,
  route: Route,
  { to = "elsewhere", path = "{target}" }: RedirectOptions,
): string {
  const name = "repository" in route ? route.repository : "";
  const digest = "digest" in route ? decodeURIComponent(route.digest) : "";
  const where = fill(path, { name, digest, target: request.url ?? "" });
  if (to === "own") {
    return where;
  }
  if (elsewhere === undefined) {
    throw new ProtocolError("UNKNOWN", "the registry has no other host");
  }
  return `${elsewhere}${where}`;
}
