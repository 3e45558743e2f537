import type { RegistryRequest } from "../protocol/request.ts";
import type { Scope } from "../protocol/token-scope.ts";

/**
 * What a token for a request has to permit, in the words of distribution's specification ("Token Scope Documentation"):
 * by method, as distribution asks for it, and for a mount the other repository as well.
 */
export function scopeOf({ method, resource }: RegistryRequest): Scope {
  if (resource.kind === "base") {
    return [];
  }
  if (resource.kind === "catalog") {
    return ["registry:catalog:*"];
  }
  const own = `repository:${resource.repository}:${actionsOf(method)}`;
  const from = resource.kind === "uploads" ? resource.mount?.from : undefined;
  return from === undefined ? [own] : [own, `repository:${from}:pull`];
}

function actionsOf(method: string): string {
  if (method === "GET" || method === "HEAD") {
    return "pull";
  }
  return method === "DELETE" ? "delete" : "pull,push";
}
