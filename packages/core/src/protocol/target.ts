/** A request target by the part of the router that answers it. `search` begins with `?`, or is empty. */
export type Target =
  /** `rest` follows `/v2/`. */
  | { readonly kind: "api"; readonly rest: string; readonly search: string }
  | { readonly kind: "api-without-slash"; readonly search: string }
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
  if (path.startsWith("/v2/")) {
    return { kind: "api", rest: path.slice(4), search };
  }
  if (path === "/v2") {
    return { kind: "api-without-slash", search };
  }
  if (path === "/") {
    return { kind: "root", search };
  }
  const page = operationsPages.get(path);
  return page === undefined ? { kind: "outside" } : { kind: "operations", page };
}
