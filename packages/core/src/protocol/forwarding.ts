import { endToEnd, pairs, type RawHeaders, valuesOf } from "./headers.ts";

/** What has to be known of a client's connection to tell upstreams about it. */
export interface ClientConnection {
  /** Of the other end of the connection. */
  readonly address: string;
  /** Of the client itself, where load balancers stand between. */
  readonly origin: string;
  readonly encrypted: boolean;
  /** Whether the other end is a load balancer whose word about the client is believed. */
  readonly trusted: boolean;
}

/** How one client's request is passed on. */
export interface ForwardingOptions {
  readonly client: ClientConnection;
  /** The router's name in `Via`. */
  readonly via: string;
  /** What the upstream sees in `Authorization`: the router's own, the client's, or nothing. */
  readonly authorization: string | undefined;
  /** Whether the client's credentials of other kinds (cookies) go along. */
  readonly passthrough: boolean;
  /**
   * What goes along of the client's body: nothing; a body whose type matters (manifests); or an opaque one (blobs).
   * Of that the type is not passed on: registries read the parameters of an upload from bodies that call themselves a
   * form, and would so be told another mount or digest than the one that was authorized.
   */
  readonly body: "none" | "typed" | "opaque";
  /** Whether the answer is read here: then not in part, not only if it has changed. */
  readonly whole?: boolean;
  /** The `Range` that takes the place of what the client wants of the whole. */
  readonly range?: string | undefined;
  /** The `Accept` that takes the place of the client's. */
  readonly accept?: string | undefined;
  /**
   * Whether nothing is to be said but what is wanted: neither the client's address, nor the name that it uses for the router, nor
   * what an upstream may build addresses from, for which every product has headers of its own (`X-JFrog-Override-Base-Url`).
   */
  readonly neutral?: boolean;
}

const replaced: ReadonlySet<string> = new Set([
  "authorization",
  "expect", // Node has answered it: only a final response may follow
  "host",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);
const clientCredentials: ReadonlySet<string> = new Set(["cookie"]);
const aboutBody: ReadonlySet<string> = new Set([
  "content-length",
  "content-type",
  "content-encoding",
  "content-range",
]);
// Errors and lists are read here, and what a digest is for is the content itself: nothing is to come compressed.
const aboutCoding: ReadonlySet<string> = new Set(["accept-encoding"]);
const aboutParts: ReadonlySet<string> = new Set([
  "range",
  "if-range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
]);
const saidByOthers: ReadonlySet<string> = new Set([
  "forwarded",
  "x-forwarded-port",
  "x-forwarded-prefix",
  "x-real-ip",
]);
const opaqueType: ReadonlySet<string> = new Set(["content-type"]);
const accepted: ReadonlySet<string> = new Set(["accept"]);
/** All that a neutral request takes over. */
const aboutWhatIsWanted: ReadonlySet<string> = new Set([...aboutBody, ...aboutParts, "accept", "user-agent"]);
const nothing: ReadonlySet<string> = new Set();

/**
 * The request headers for an upstream, without `Host`, which is the connection's business.
 * The upstream is told of the client in `X-Forwarded-*`: distribution builds the `Location` of an upload
 * session from them.
 */
export function forwardedHeaders(headers: RawHeaders, options: ForwardingOptions): string[] {
  const { client, body, whole = false, range, accept } = options;
  const kept = endToEnd(
    options.neutral === true ? onlyOf(headers, aboutWhatIsWanted) : headers,
    replaced,
    client.trusted ? nothing : saidByOthers,
    options.passthrough ? nothing : clientCredentials,
    body === "none" ? aboutBody : body === "opaque" ? opaqueType : nothing,
    body === "opaque" ? nothing : aboutCoding,
    whole || range !== undefined ? aboutParts : nothing,
    accept === undefined ? nothing : accepted,
  );
  if (accept !== undefined) {
    kept.push("Accept", accept);
  }
  if (range !== undefined) {
    kept.push("Range", range);
  }
  if (body === "opaque" && valuesOf(headers, "content-type").length > 0) {
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

/** What is named in `Connection` is no part of it, so that goes along to be honoured. */
function onlyOf(headers: RawHeaders, names: ReadonlySet<string>): string[] {
  return [...pairs(headers)].flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    return lower === "connection" || names.has(lower) ? [name, value] : [];
  });
}

function aboutClient(headers: RawHeaders, client: ClientConnection): string[] {
  const said: string[] = [];
  const before = client.trusted ? valuesOf(headers, "x-forwarded-for") : [];
  const hops = [...before, client.address].filter((address) => address !== "");
  if (hops.length > 0) {
    said.push("X-Forwarded-For", hops.join(", "));
  }
  said.push("X-Forwarded-Proto", publicProto(headers, client));
  const host = publicHost(headers, client);
  if (host !== undefined) {
    said.push("X-Forwarded-Host", host);
  }
  return said;
}

/** The name under which the client sees the router. */
export function publicHost(headers: RawHeaders, client: ClientConnection): string | undefined {
  const told = client.trusted ? firstOf(headers, "x-forwarded-host") : undefined;
  return told ?? valuesOf(headers, "host")[0];
}

/** Whether a request has been through the router of that name before. */
export function isLoop(headers: RawHeaders, via: string): boolean {
  return valuesOf(headers, "via").some((value) =>
    value.split(",").some((hop) => hop.trim().split(/\s+/)[1] === via),
  );
}

/** `http` or `https`, as the client sees it. */
export function publicProto(headers: RawHeaders, client: ClientConnection): string {
  const told = client.trusted ? firstOf(headers, "x-forwarded-proto") : undefined;
  return told ?? (client.encrypted ? "https" : "http");
}

function firstOf(headers: RawHeaders, lowerName: string): string | undefined {
  const first = valuesOf(headers, lowerName)[0]?.split(",")[0]?.trim();
  return first === "" ? undefined : first;
}
