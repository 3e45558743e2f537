import { errorCodes } from "./error-body.ts";
import { firstValue, type RawHeaders } from "./headers.ts";
import { longestManifest } from "./manifest.ts";

// Bytes. Nearly all manifests are shorter. Each slow client holds as much.
const longestShared = 256 * 1024;
// Beside the `harmless` headers.
const personal: ReadonlySet<string> = new Set(["*", "cookie"]);
// Not found, not with this method, not as a type of the variant; the credentials of a 401 are the router's.
const aboutContent: ReadonlySet<number> = new Set([401, 404, 405, 406, 410]);
// The router's credentials, connection and quota.
const aboutRouter: ReadonlySet<number> = new Set([401, 408, 429]);
// Registries build the addresses from the host name that the client uses.
const neverShared: ReadonlySet<string> = new Set(["location", "content-location", "link", "set-cookie"]);

/** How a manifest is read as a whole. */
export interface WholeBody {
  /** Bytes; undefined if the response does not state it, or if the body is compressed. */
  readonly length: number | undefined;
  /** The most bytes to read. */
  readonly limit: number;
}

/** Undefined if a response is no whole manifest, or one that is so long that it streams. */
export function wholeManifest(method: string, status: number, headers: RawHeaders): WholeBody | undefined {
  if (status !== 200) {
    return undefined;
  }
  if (method === "HEAD") {
    return { length: 0, limit: 0 };
  }
  const text = firstValue(headers, "content-length") ?? "";
  const coding = firstValue(headers, "content-encoding");
  if (!/^\d{1,15}$/.test(text) || (coding !== undefined && coding.toLowerCase() !== "identity")) {
    return { length: undefined, limit: longestManifest };
  }
  const length = Number(text);
  return length > longestShared ? undefined : { length, limit: length };
}

/** Whether a manifest that was read may be shared by several clients (RFC 9111 3). */
export function isShareableManifest(read: Buffer | undefined, headers: RawHeaders): boolean {
  return read !== undefined && read.length <= longestShared && isShareable(headers);
}

/** Whether a response, of any status, is not meant for a single client. */
export function isShareable(headers: RawHeaders): boolean {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase() ?? "";
    const value = headers[index + 1] ?? "";
    if (
      neverShared.has(name) ||
      (name === "cache-control" && /\b(no-store|private)\b/i.test(value)) ||
      (name === "vary" && value.split(",").some(isPersonal))
    ) {
      return false;
    }
  }
  return true;
}

/**
 * Whether an error is about the content. Others may be about one client's request: a firewall refuses its `User-Agent` (403), a
 * server finds its headers too long (400, 431). A registry's own errors have OCI codes.
 */
export function isAboutContent(status: number, body: Buffer): boolean {
  return aboutContent.has(status) || errorCodes(body.toString()).length > 0;
}

/** Whether a failure may be about one client's request. */
export function isClientSpecific(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && !aboutRouter.has(status);
}

// RFC 9111 4.1.
function isPersonal(name: string): boolean {
  const lowerName = name.trim().toLowerCase();
  return personal.has(lowerName) || (harmless.has(lowerName) && !partsOfVariant.has(lowerName));
}

// What clients of registries send, and what load balancers add (ingress-nginx, Traefik, those of the clouds): if one of theirs
// were missing here, nothing would be shared behind it. None of it is a credential that an upstream sees: `Authorization` is
// forwarded only with passthrough, and then nothing is shared.
const harmless: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding", // the router sends its own
  "authorization",
  "baggage",
  "cdn-loop",
  "cf-connecting-ip",
  "cf-ipcountry",
  "cf-ray",
  "cf-visitor",
  "connection",
  "docker-distribution-api-version",
  "forwarded",
  "host",
  "keep-alive",
  "te",
  "traceparent",
  "tracestate",
  "user-agent",
  "via",
  "x-amzn-trace-id",
  "x-cloud-trace-context",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-forwarded-proto",
  "x-forwarded-scheme",
  "x-forwarded-server",
  "x-original-forwarded-for",
  "x-real-ip",
  "x-request-id",
  "x-scheme",
]);

// Equal for all clients that share a response.
const partsOfVariant: ReadonlySet<string> = new Set(["accept", "accept-encoding"]);

// Characters. No client sends more, and each key is kept.
const longestVariant = 2_048;
// Characters. An upstream may refuse longer headers, and the clients that share the response would get that error too.
const longestHead = 4_096;

/**
 * What a response depends on besides the path: the query and `Accept`. Undefined if it may depend on the client as well: any header
 * that is not known to be harmless may be a credential (`X-JFrog-Art-Api`, `PRIVATE-TOKEN`, a cookie), or ask for another response
 * (`Range`, `If-None-Match`, `Accept-Language`, `Cache-Control: no-cache`).
 */
export function variantKey(headers: RawHeaders, search: string): string | undefined {
  let variant = search;
  let length = search.length;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index]?.toLowerCase() ?? "";
    const value = headers[index + 1] ?? "";
    if (!harmless.has(name)) {
      return undefined;
    }
    if (name === "accept") {
      variant += `\n${value}`;
    }
    // A header named there is not forwarded, so the upstream would answer a request without `Accept`.
    if (name === "connection" && value.toLowerCase().includes("accept")) {
      return undefined;
    }
    length += name === "authorization" ? 0 : name.length + value.length;
  }
  return variant.length > longestVariant || length > longestHead ? undefined : variant;
}

/** Whether `Accept` names the media type itself: registries differ about wildcards. */
export function acceptsMediaType(accept: readonly string[], mediaType: string): boolean {
  return accept.some((value) => value.split(",").some((range) => accepts(range, mediaType)));
}

function accepts(range: string, mediaType: string): boolean {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
  return type === mediaType && !parameters.some((parameter) => /^q=0(\.0*)?$/i.test(parameter));
}
