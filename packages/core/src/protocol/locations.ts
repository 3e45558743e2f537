import type { RawHeaders } from "./headers.ts";
import { renamedPath } from "./request.ts";

/** The target of `rel="next"` among `Link` values (RFC 8288), or undefined on the last page. */
export function nextPage(links: readonly string[]): string | undefined {
  for (const link of links) {
    const next = /<([^<>]*)>\s*;[^<]*\brel\s*=\s*"?next"?/i.exec(link);
    if (next?.[1] !== undefined) {
      return next[1];
    }
  }
  return undefined;
}

/**
 * `?` and what follows in the address of the next page. Nothing else of it is used: a member cannot send the router anywhere
 * else.
 */
export function nextQuery(links: readonly string[]): string | undefined {
  const next = nextPage(links);
  const question = next?.indexOf("?") ?? -1;
  return next === undefined || question === -1 ? undefined : next.slice(question);
}

/** Whose addresses become relative: the upstream's, and the name under which the upstream was told that the client sees us. */
export interface OwnAddresses {
  readonly upstream: URL;
  /** `host[:port]` as sent in `X-Forwarded-Host`. */
  readonly publicHost: string | undefined;
  /** What the upstream calls the repository that clients ask for under another name. */
  readonly renamed?: { readonly from: string; readonly to: string } | undefined;
}

/**
 * `Location` and `Link` that name the upstream itself become relative, so that the client comes back
 * through the router, over the scheme that it used. Everything else passes untouched.
 */
export function relativeLocations(headers: RawHeaders, own: OwnAddresses): string[] {
  return headers.map((text, index) => {
    const name = headers[index - 1];
    const isValue = index % 2 === 1;
    return isValue && name !== undefined ? rewrite(name.toLowerCase(), text, own) : text;
  });
}

function rewrite(lowerName: string, value: string, own: OwnAddresses): string {
  if (lowerName === "location" || lowerName === "content-location") {
    return relative(value, own);
  }
  if (lowerName === "link") {
    // Only what stands in angle brackets is an address (RFC 8288 3).
    return value.replace(/<([^<>]*)>/g, (_, target: string) => `<${relative(target, own)}>`);
  }
  return value;
}

function relative(target: string, own: OwnAddresses): string {
  const prefix = own.upstream.pathname === "/" ? "" : own.upstream.pathname;
  const authority = /^(https?:)?\/\/([^/?#]*)/i.exec(target);
  if (authority === null) {
    return target.startsWith("/") ? localPath(target, prefix, own) : target;
  }
  const [start, scheme = own.upstream.protocol, host = ""] = authority;
  const rest = target.slice(start.length);
  const local = rest.startsWith("/") ? rest : `/${rest}`;
  const ours =
    sameHost(scheme, host, own.upstream) ||
    (own.publicHost !== undefined && host.toLowerCase() === own.publicHost.toLowerCase());
  return ours ? localPath(local, prefix, own) : target;
}

function localPath(path: string, prefix: string, { renamed }: OwnAddresses): string {
  const local = withoutPrefix(path, prefix);
  return renamed === undefined ? local : renamedPath(local, renamed.from, renamed.to);
}

function sameHost(scheme: string, host: string, upstream: URL): boolean {
  // The URL parser drops default ports and lower-cases, so that equal addresses compare equal.
  const url = URL.canParse(`${scheme}//${host}`) ? new URL(`${scheme}//${host}`) : undefined;
  return url?.origin === upstream.origin;
}

function withoutPrefix(path: string, prefix: string): string {
  const local = prefix !== "" && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
  // Without a host before it, a path with two slashes in front would name one (RFC 3986 4.2), and browsers drop tabs first.
  return /^\/\t*[/\\]/.test(local) ? `/.${local}` : local;
}
