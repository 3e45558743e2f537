import { endToEnd, firstValue, pairs, type RawHeaders, valuesOf } from "./headers.ts";

export interface ClientConnection {
  /** The other end of the connection: the client or a load balancer. */
  readonly address: string;
  readonly origin: string;
  readonly encrypted: boolean;
  /** Whether the other end is a load balancer whose `X-Forwarded-*` headers are believed. */
  readonly trusted: boolean;
}

export interface ForwardingOptions {
  readonly client: ClientConnection;
  readonly via: string;
  readonly authorization: string | undefined;
  readonly passthrough: boolean;
  /**
   * The client's body: not forwarded, forwarded with its type (manifests), or forwarded as opaque bytes (blobs). The type of an
   * opaque body is replaced: registries read the parameters of an upload from a body that is declared as a form, so a client could
   * send another mount or digest than the one that was authorized.
   */
  readonly body: "none" | "typed" | "opaque";
  /** Drops the client's range and conditions, since the router itself reads the response. */
  readonly whole?: boolean;
  readonly range?: string | undefined;
  readonly accept?: string | undefined;
  /**
   * Forwards only headers about the content. The upstream learns neither the client's address nor the router's public name, nor
   * anything to build addresses from: every product has its own headers for that (`X-JFrog-Override-Base-Url`).
   */
  readonly neutral?: boolean;
}

const replaced: ReadonlySet<string> = new Set([
  "authorization",
  "expect", // Node has answered it already
  "host",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);
const cookies: ReadonlySet<string> = new Set(["cookie"]);
const aboutBody: ReadonlySet<string> = new Set([
  "content-length",
  "content-type",
  "content-encoding",
  "content-range",
]);
// The router reads errors and lists, and a digest is that of the uncompressed content: responses must not be compressed.
const aboutCoding: ReadonlySet<string> = new Set(["accept-encoding"]);
const aboutParts: ReadonlySet<string> = new Set([
  "range",
  "if-range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
]);
const fromLoadBalancers: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-real-ip",
]);
const opaqueType: ReadonlySet<string> = new Set(["content-type"]);
const acceptHeader: ReadonlySet<string> = new Set(["accept"]);
const neutralHeaders: ReadonlySet<string> = new Set([...aboutBody, ...aboutParts, "accept", "user-agent"]);
const nothing: ReadonlySet<string> = new Set();

/** The request headers for an upstream, without `Host`. distribution builds the `Location` of an upload from `X-Forwarded-*`. */
export function forwardedHeaders(headers: RawHeaders, options: ForwardingOptions): string[] {
  const { client, body, whole = false, range, accept } = options;
  const kept = endToEnd(
    options.neutral === true ? onlyOf(headers, neutralHeaders) : headers,
    replaced,
    client.trusted ? nothing : fromLoadBalancers,
    options.passthrough ? nothing : cookies,
    body === "none" ? aboutBody : body === "opaque" ? opaqueType : nothing,
    body === "opaque" ? nothing : aboutCoding,
    whole || range !== undefined ? aboutParts : nothing,
    accept === undefined ? nothing : acceptHeader,
  );
  if (accept !== undefined) {
    kept.push("Accept", accept);
  }
  if (range !== undefined) {
    kept.push("Range", range);
  }
  if (body === "opaque" && firstValue(headers, "content-type") !== undefined) {
    kept.push("Content-Type", "application/octet-stream");
  }
  if (body !== "opaque") {
    kept.push("Accept-Encoding", "identity");
  }
  if (options.neutral !== true) {
    kept.push(...aboutClient(headers, client));
  }
  kept.push("Via", [...valuesOf(headers, "via"), `1.1 ${options.via}`].join(", "));
  if (options.authorization !== undefined) {
    kept.push("Authorization", options.authorization);
  }
  return kept;
}

/** Keeps `Connection`, because `endToEnd` has to see which headers it names. */
function onlyOf(headers: RawHeaders, names: ReadonlySet<string>): string[] {
  return [...pairs(headers)].flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    return lower === "connection" || names.has(lower) ? [name, value] : [];
  });
}

function aboutClient(headers: RawHeaders, client: ClientConnection): string[] {
  const before = client.trusted ? valuesOf(headers, "x-forwarded-for") : [];
  const hops = [...before, client.address].filter((address) => address !== "");
  const host = publicHost(headers, client);
  return [
    ...(hops.length > 0 ? ["X-Forwarded-For", hops.join(", ")] : []),
    "X-Forwarded-Proto",
    publicProto(headers, client),
    ...(host === undefined ? [] : ["X-Forwarded-Host", host]),
  ];
}

/** The host, with port, that the client uses for the router. */
export function publicHost(headers: RawHeaders, client: ClientConnection): string | undefined {
  return (
    (client.trusted ? forwardedBy(headers, "x-forwarded-host") : undefined) ?? firstValue(headers, "host")
  );
}

/** Whether a request has passed the router called `via` before. */
export function isLoop(headers: RawHeaders, via: string): boolean {
  return valuesOf(headers, "via").some((value) =>
    value.split(",").some((hop) => hop.trim().split(/\s+/)[1] === via),
  );
}

/** The scheme that the client uses for the router: `http` or `https`. */
export function publicProto(headers: RawHeaders, client: ClientConnection): string {
  const forwarded = client.trusted ? forwardedBy(headers, "x-forwarded-proto") : undefined;
  return forwarded ?? (client.encrypted ? "https" : "http");
}

function forwardedBy(headers: RawHeaders, lowerName: string): string | undefined {
  const first = firstValue(headers, lowerName)?.split(",")[0]?.trim();
  return first === "" ? undefined : first;
}
