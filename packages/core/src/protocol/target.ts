/** A request target, taken apart no further than to see whose it is. */
export type Target =
  /** The distribution API; `rest` follows `/v2/`. */
  | { readonly kind: "api"; readonly rest: string; readonly search: string }
  /** `/v2`, which clients mean as `/v2/`. */
  | { readonly kind: "api-without-slash"; readonly search: string }
  /** Where clients get tokens; asked for by GET alone, and a name that no repository's address can have. */
  | { readonly kind: "token" }
  /** The router's own pages. */
  | { readonly kind: "operations"; readonly page: OperationsPage }
  /** `/`, where browsers begin. */
  | { readonly kind: "root"; readonly search: string }
  | { readonly kind: "outside" };

/** What the router answers about itself. */
export type OperationsPage = "healthcheck" | "livez" | "readyz" | "metrics";

const operationsPages: ReadonlyMap<string, OperationsPage> = new Map([
  ["/healthcheck", "healthcheck"],
  ["/livez", "livez"],
  ["/readyz", "readyz"],
  ["/metrics", "metrics"],
]);

// What is longer is copied rather than kept as a whole for a name in it.
const longestUsual = 512;

/** Sorts a request target: origin form, or absolute form, which servers have to accept (RFC 9112 3.2.2). */
export function parseTarget(target: string): Target {
  const origin = originForm(target);
  const question = origin.indexOf("?");
  const isLong = target.length > longestUsual;
  const path = part(origin, 0, question === -1 ? origin.length : question, isLong);
  const search = question === -1 ? "" : part(origin, question, origin.length, isLong);
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

/** What is cut out of a text keeps all of it alive, and names and queries are remembered. */
function part(text: string, from: number, to: number, alone: boolean): string {
  const cut = text.slice(from, to);
  return alone ? Buffer.from(cut).toString() : cut;
}

function originForm(target: string): string {
  if (target.startsWith("/")) {
    return target;
  }
  // User and password have no place there (RFC 9110 4.2.4).
  const absolute = /^https?:\/\/[^/?#@]*(?=[/?#]|$)/i.exec(target);
  return absolute === null ? target : target.slice(absolute[0].length) || "/";
}
