import type { RegistryRequest } from "./request.ts";

/** What a token permits, one resource to an item, as the token specification writes it: `repository:a/b:pull`. */
export type Scope = readonly string[];

// A challenge is an upstream's text: what it may add to a token request is bounded. Nobody needs more than a mount does.
const mostScopes = 8;
const longestScope = 1024;

/**
 * The scope to ask for when an upstream says in its challenge what it wants: what was asked for, and what that lacks.
 * Undefined if nothing is lacking, or more than is reasonable.
 */
export function widened(asked: Scope, challenge: string | undefined): Scope | undefined {
  const wanted = (challenge ?? "").split(/\s+/).filter((scope) => scope !== "");
  const lacking = wanted.filter((scope) => !asked.some((one) => covers(one, scope)));
  const wide = [...asked, ...new Set(lacking)];
  const reasonable = wide.length <= mostScopes && lacking.every(({ length }) => length <= longestScope);
  return lacking.length > 0 && reasonable ? wide : undefined;
}

function covers(given: string, wanted: string): boolean {
  if (given === wanted) {
    return true;
  }
  // From the right: a resource's name may have a port in it.
  const [resource, actions] = split(given);
  const [wantedResource, wantedActions] = split(wanted);
  return resource === wantedResource && wantedActions.every((action) => actions.includes(action));
}

function split(scope: string): [resource: string, actions: string[]] {
  const colon = scope.lastIndexOf(":");
  return [scope.slice(0, colon + 1), scope.slice(colon + 1).split(",")];
}

/**
 * What a token for a request has to permit, in the words of distribution's specification ("Token Scope Documentation"):
 * by method, as distribution asks for it, and for a mount the other repository as well.
 * @param nameOf what the upstream calls a repository
 */
export function scopeOf(
  { method, resource }: RegistryRequest,
  nameOf: (repository: string) => string,
): Scope {
  if (resource.kind === "base") {
    return [];
  }
  if (resource.kind === "catalog") {
    return ["registry:catalog:*"];
  }
  const own = repositoryScope(nameOf(resource.repository), method);
  const from = resource.kind === "uploads" ? resource.mount?.from : undefined;
  return from === undefined ? [own] : [own, `repository:${nameOf(from)}:pull`];
}

/** What a token has to permit for a method in a repository. */
export function repositoryScope(name: string, method: string): string {
  return `repository:${name}:${actionsOf(method)}`;
}

function actionsOf(method: string): string {
  if (method === "GET" || method === "HEAD") {
    return "pull";
  }
  return method === "DELETE" ? "delete" : "pull,push";
}
