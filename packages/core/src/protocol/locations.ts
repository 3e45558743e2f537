import type { RawHeaders } from "./headers.ts";
import { renamedPath } from "./request.ts";

/**
 * The query, with `?`, of `rel="next"` among `Link` values (RFC 8288). The rest of the address is not used: an upstream must not
 * send the router elsewhere.
 */
export function nextQuery(links: readonly string[]): string | undefined {
  for (const link of links) {
    const target = /<([^<>]*)>\s*;[^<]*\brel\s*=\s*"?next"?/i.exec(link)?.[1];
    if (target !== undefined) {
      const question = target.indexOf("?");
      return question === -1 ? undefined : target.slice(question);
    }
  }
  return undefined;
}

interface OwnAddresses {
  readonly upstream: URL;
  /** `host[:port]` as sent in `X-Forwarded-Host`. */
  readonly publicHost: string | undefined;
  /** From the upstream's name of the repository to the client's. */
  readonly renamed?: { readonly from: string; readonly to: string } | undefined;
}

/**
 * Makes `Location` and `Link` relative where they name the upstream itself, so that the client comes back through the router, over
 * the scheme that it used.
 */
export function relativeLocations(headers: RawHeaders, own: OwnAddresses): string[] {
  const rewritten = [...headers];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase();
    const value = headers[index + 1] ?? "";
    if (name === "location" || name === "content-location") {
      rewritten[index + 1] = relative(value, own);
    } else if (name === "link") {
      // Only text in angle brackets is an address (RFC 8288 3).
      rewritten[index + 1] = value.replace(
        /<([^<>]*)>/g,
        (_, target: string) => `<${relative(target, own)}>`,
      );
    }
  }
  return rewritten;
}

function relative(target: string, own: OwnAddresses): string {
  const authority = /^(https?:)?\/\/([^/?#]*)/i.exec(target);
  if (authority === null) {
    return target.startsWith("/") ? localPath(target, own) : target;
  }
  const [start, scheme = own.upstream.protocol, host = ""] = authority;
  const origin = `${scheme}//${host}`;
  const isOwn =
    // The URL parser drops default ports and lower-cases.
    (URL.canParse(origin) && new URL(origin).origin === own.upstream.origin) ||
    host.toLowerCase() === own.publicHost?.toLowerCase();
  const rest = target.slice(start.length);
  return isOwn ? localPath(rest.startsWith("/") ? rest : `/${rest}`, own) : target;
}

function localPath(path: string, { upstream: { pathname }, renamed }: OwnAddresses): string {
  const below = pathname !== "/" && path.startsWith(`${pathname}/`) ? path.slice(pathname.length) : path;
  // Two leading slashes would be followed by a host (RFC 3986 4.2), and browsers drop tabs first.
  const local = /^\/\t*[/\\]/.test(below) ? `/.${below}` : below;
  return renamed === undefined ? local : renamedPath(local, renamed.from, renamed.to);
}
