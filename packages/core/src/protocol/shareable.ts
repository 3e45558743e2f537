import { errorCodes } from "./error-body.ts";
import { firstValue, type RawHeaders, valuesOf } from "./headers.ts";

// As long as the manifests of all but the strangest images. Each client that is slow to take an answer holds as much. Bytes.
const longestShared = 256 * 1024;
// Besides what clients who share an answer may say differently.
const personal: ReadonlySet<string> = new Set(["*", "cookie"]);
// Not there, not under this method, not in any type that is part of the wish; 401 is for credentials, which are the router's.
const aboutContent: ReadonlySet<number> = new Set([401, 404, 405, 406, 410]);
// Its credentials, its connection, its quota.
const aboutRouter: ReadonlySet<number> = new Set([401, 408, 429]);
// Registries make these of the name that this client uses for the router.
const addresses = ["location", "content-location", "link"];

/**
 * The length of a body that may be read into memory and given to everybody who asks the same: a complete answer of a known length
 * that does not call itself private (RFC 9111 3). Undefined if it may not.
 */
export function shareableLength(method: string, status: number, headers: RawHeaders): number | undefined {
  if (status !== 200 || !isShareable(headers) || isEncoded(headers)) {
    return undefined;
  }
  if (method === "HEAD") {
    return 0;
  }
  const text = firstValue(headers, "content-length") ?? "";
  const length = /^\d{1,7}$/.test(text) ? Number(text) : undefined;
  return length === undefined || length > longestShared ? undefined : length;
}

/** Whether an answer, which may also be one that says no, is not for the one client alone who was first to ask. */
export function isShareable(headers: RawHeaders): boolean {
  return !(
    firstValue(headers, "set-cookie") !== undefined ||
    addresses.some((name) => firstValue(headers, name) !== undefined) ||
    valuesOf(headers, "cache-control").some((value) => /\b(no-store|private)\b/i.test(value)) ||
    valuesOf(headers, "vary").some((value) => value.split(",").some(isPersonal))
  );
}

/**
 * Whether an answer that says no is about what was asked for. Others may be about how one client asked: a firewall does not like its
 * `User-Agent` (403), a server finds its headers too long (400, 431). What a registry refuses, it says in OCI's words.
 */
export function isAboutContent(status: number, body: Buffer): boolean {
  return aboutContent.has(status) || errorCodes(body.toString()).length > 0;
}

/** Whether a failure may be about how one client asked. */
export function isClientSpecific(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && !aboutRouter.has(status);
}

// RFC 9111 4.1.
function isPersonal(name: string): boolean {
  const lowerName = name.trim().toLowerCase();
  return personal.has(lowerName) || mayDiffer(lowerName);
}

function isEncoded(headers: RawHeaders): boolean {
  const coding = firstValue(headers, "content-encoding");
  return (
    firstValue(headers, "transfer-encoding") !== undefined ||
    (coding !== undefined && coding.toLowerCase() !== "identity")
  );
}

// What clients of registries say beside what they want, and what load balancers add (ingress-nginx, Traefik, those of the clouds): if
// one of theirs were missing here, nothing would be shared behind it. None of it is a credential that an upstream gets to see:
// `Authorization` goes only to one that judges clients itself, and for that nothing is shared.
const harmless: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding", // the router's own in its place
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

// Which are the same for all who share an answer.
const partsOfVariant: ReadonlySet<string> = new Set(["accept", "accept-encoding"]);

// What is longer is nobody's, and would have to be kept.
const longestVariant = 2_048;
// All that a client says. With more, it might be refused for that alone, and those who wait with it as well.
const longestHead = 4_096;

/**
 * What the answer to a question depends on besides its path: the query and `Accept`. Undefined if it may depend on who asks as
 * well: any header that is not known to be harmless may be a credential (`X-JFrog-Art-Api`, `PRIVATE-TOKEN`, a cookie), or want the
 * answer otherwise (`Range`, `If-None-Match`, `Accept-Language`, `Cache-Control: no-cache`).
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
    // What is named there is not passed on: the upstream would answer as if there were no `Accept`, and that is another question.
    if (name === "connection" && value.toLowerCase().includes("accept")) {
      return undefined;
    }
    length += name === "authorization" ? 0 : name.length + value.length;
  }
  return variant.length > longestVariant || length > longestHead ? undefined : variant;
}

/** Whether those who share an answer may say a header differently, and so ought not to share one that varies by it. */
export function mayDiffer(lowerName: string): boolean {
  return harmless.has(lowerName) && !partsOfVariant.has(lowerName);
}

/** Whether a media type is among those that `Accept` headers name, word for word: wildcards are read differently by registries. */
export function acceptsMediaType(accept: readonly string[], mediaType: string): boolean {
  return accept.some((value) => value.split(",").some((range) => accepts(range, mediaType)));
}

function accepts(range: string, mediaType: string): boolean {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
  return type === mediaType && !parameters.some((parameter) => /^q=0(\.0*)?$/i.test(parameter));
}
