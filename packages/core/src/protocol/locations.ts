import type { RawHeaders } from "./headers.ts";
import { isDigest } from "./names.ts";
import { isPlainSession, renamedPath } from "./request.ts";
import type { SessionAddress } from "./session-address.ts";

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

/** The names by which an upstream may call itself. */
export interface OwnNames {
  readonly upstream: URL;
  /** Other hosts of the upstream, as `host[:port]`. */
  readonly aliases: readonly string[];
  /** `host[:port]` as sent in `X-Forwarded-Host`. */
  readonly publicHost: string | undefined;
}

interface OwnAddresses extends OwnNames {
  /** From the upstream's name of the repository to the client's. */
  readonly renamed?: { readonly from: string; readonly to: string } | undefined;
  /** Whether the answer is a redirect: content elsewhere may have the same path, or be at another port of the same host. */
  readonly isRedirect: boolean;
}

/** Whether an address has one of the upstream's own names. The scheme may be another one: few registries know what is before them. */
export function namesItself({ host, hostname, port }: URL, own: OwnNames): boolean {
  const { upstream, aliases, publicHost } = own;
  return (
    (hostname === upstream.hostname && port === upstream.port) ||
    aliases.includes(host) ||
    host === publicHost?.toLowerCase()
  );
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

/** The answer to a request for an upload. */
export interface UploadAnswer extends OwnAddresses {
  /** The address that was asked. */
  readonly address: URL;
  /** The upstream's name of the repository. */
  readonly repository: string;
}

/** Where an upload is at its registry. */
export type UploadPlace =
  /** At an address that the specification has for it. The path is below that of the configured URL. */
  | (SessionAddress & { readonly isUsual: true })
  /** At a path of the registry's own, from the root of its host. */
  | (SessionAddress & { readonly isUsual: false });

// What follows the name of the repository.
const usualPath = /^blobs\/(?:uploads\/([^/]*)|([^/]+))$/;

/** What the `Location` of an upload means. Undefined if it is on another host. */
export function uploadPlace(location: string, answer: UploadAnswer): UploadPlace | undefined {
  const url = URL.canParse(location, answer.address.href) ? new URL(location, answer.address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "") {
    return undefined;
  }
  const { repository, isRedirect } = answer;
  const { pathname, search } = url;
  const path = belowPrefix(pathname, answer.upstream);
  if (!isOwnAddress(url, answer) && (isRedirect || !isOfRepository(path, repository))) {
    return undefined;
  }
  const start = `/v2/${repository}/`;
  const [, session, digest] = usualPath.exec(path.startsWith(start) ? path.slice(start.length) : "") ?? [];
  const isUsual = session === undefined ? digest !== undefined && isDigest(digest) : isPlainSession(session);
  return isUsual ? { isUsual, path, search } : { isUsual, path: pathname, search };
}

function relative(target: string, own: OwnAddresses): string {
  const authority = /^(https?:)?\/\/([^/?#]*)/i.exec(target);
  if (authority === null) {
    return target.startsWith("/") ? localPath(target, own) : target;
  }
  const [start, scheme = own.upstream.protocol, host = ""] = authority;
  const origin = `${scheme}//${host}`;
  const rest = target.slice(start.length);
  const path = rest.startsWith("/") ? rest : `/${rest}`;
  // The URL parser drops default ports and lower-cases.
  if (!URL.canParse(origin)) {
    return host.toLowerCase() === own.publicHost?.toLowerCase() ? localPath(path, own) : target;
  }
  const url = new URL(origin);
  const isOwn =
    url.username === "" &&
    (isOwnAddress(url, own) ||
      (!own.isRedirect && isOfRepository(belowPrefix(path, own.upstream), own.renamed?.from)));
  return isOwn ? localPath(path, own) : target;
}

/** The same host at a default port, too: a registry does not know the port that is mapped to it. */
function isOwnAddress(url: URL, own: OwnAddresses): boolean {
  const { hostname, port } = own.upstream;
  return (
    namesItself(url, own) ||
    (!own.isRedirect && url.hostname === hostname && (url.port === "" || port === ""))
  );
}

/** A registry that names such a path means itself, whatever it believes its host to be (`http.host` of distribution). */
function isOfRepository(path: string, repository: string | undefined): boolean {
  const [, rest] = path.split(repository === undefined ? "/v2/" : `/v2/${repository}/`, 2);
  return (
    path.startsWith("/v2/") &&
    rest !== undefined &&
    (repository === undefined ? /^_catalog(?:\?|$)/ : /^(?:blobs|manifests|tags|referrers)\//).test(rest)
  );
}

function belowPrefix(path: string, { pathname }: URL): string {
  return pathname !== "/" && path.startsWith(`${pathname}/`) ? path.slice(pathname.length) : path;
}

function localPath(path: string, { upstream, renamed }: OwnAddresses): string {
  const below = belowPrefix(path, upstream);
  // Two leading slashes would be followed by a host (RFC 3986 4.2), and browsers drop tabs first.
  const local = /^\/\t*[/\\]/.test(below) ? `/.${below}` : below;
  return renamed === undefined ? local : renamedPath(local, renamed.from, renamed.to);
}
