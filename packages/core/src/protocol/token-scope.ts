import type { RegistryRequest } from "./request.ts";

/** One resource to an item, as in distribution's "Token Scope Documentation": `repository:a/b:pull`. */
export type Scope = readonly string[];

// Bounds what an upstream's challenge can add to a token request. A mount needs the most.
const mostScopes = 8;
const longestScope = 1024;

/** Adds to a scope what the challenge asks for. Undefined if nothing is missing, or if it would get too long. */
export function widened(requested: Scope, challenge = ""): Scope | undefined {
  const wanted = challenge.split(/\s+/).filter((scope) => scope !== "");
  const missing = wanted.filter((scope) => !requested.some((one) => covers(one, scope)));
  const wide = [...requested, ...new Set(missing)];
  const isBounded = wide.length <= mostScopes && missing.every(({ length }) => length <= longestScope);
  return missing.length > 0 && isBounded ? wide : undefined;
}

function covers(given: string, wanted: string): boolean {
  if (given === wanted) {
    return true;
  }
  const [resource, actions] = split(given);
  const [wantedResource, wantedActions] = split(wanted);
  return resource === wantedResource && wantedActions.every((action) => actions.includes(action));
}

function split(scope: string): [resource: string, actions: string[]] {
  // The last one: a resource's name may have a port in it.
  const colon = scope.lastIndexOf(":");
  return [scope.slice(0, colon + 1), scope.slice(colon + 1).split(",")];
}

/**
 * The scope that distribution asks for. A mount needs the other repository as well.
 * @param upstream says what it calls a repository
 */
export function scopeOf(
  { method, resource }: RegistryRequest,
  upstream: { nameOf(repository: string): string },
): Scope {
  if (resource.kind === "base") {
    return [];
  }
  if (resource.kind === "catalog") {
    return ["registry:catalog:*"];
  }
  const own = repositoryScope(upstream.nameOf(resource.repository), method);
  const from = resource.kind === "uploads" ? resource.mount?.from : undefined;
  return from === undefined ? [own] : [own, `repository:${upstream.nameOf(from)}:pull`];
}

export function repositoryScope(name: string, method: string): string {
  const isPull = method === "GET" || method === "HEAD";
  return `repository:${name}:${isPull ? "pull" : method === "DELETE" ? "delete" : "pull,push"}`;
}
