import type { RegistryRequest } from "../protocol/request.ts";
import type { Scope } from "../upstream/credentials.ts";

/** What a token for a request has to permit (distribution's specification, "Token Scope Documentation"). */
export function scopeOf({ method, resource }: RegistryRequest): Scope | undefined {
  if (!("repository" in resource)) {
    return undefined;
  }
  const { repository } = resource;
  if (method === "GET" || method === "HEAD") {
    return { repository, actions: resource.kind === "upload-session" ? "pull,push" : "pull" };
  }
  return {
    repository,
    actions: method === "DELETE" && resource.kind !== "upload-session" ? "delete" : "pull,push",
  };
}
