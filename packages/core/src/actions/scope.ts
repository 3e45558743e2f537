import type { RegistryRequest } from "../protocol/request.ts";
import type { Scope } from "../protocol/token-scope.ts";

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
