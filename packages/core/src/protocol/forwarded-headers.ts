import { firstValue, type RawHeaders, selected, valuesOf } from "./headers.ts";

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
  readonly to: Recipient;
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
  /** Whether several clients get the response: hosted then learns no client's address. */
  readonly shared?: boolean;
}

/** What an upstream may learn. */
export interface Recipient {
  readonly kind: "hosted" | "proxy";
  /** Whether it judges clients by their own credentials. */
  readonly passthrough: boolean;
  readonly encrypted: boolean;
  /** Further headers that hosted gets, in lower case. */
  readonly forwards: ReadonlySet<string>;
}

// What reading needs. Any other header may be a credential of another service, or change what an upstream does: `PRIVATE-TOKEN`,
// `Cf-Access-Jwt-Assertion`, `X-HTTP-Method-Override`.
const forReading: ReadonlySet<string> = new Set([
  "accept",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
  "traceparent",
  "tracestate",
  "user-agent",
]);
const aboutBody: ReadonlySet<string> = new Set([
  "content-length",
  "content-type",
  "content-encoding",
  "content-range",
  "content-digest",
  "content-md5",
  "digest",
  "repr-digest",
]);
// Those of the distribution API.
const forPushing = /^(?:docker|oci)-/;

/** The request headers for an upstream, without `Host`: those that it needs, and no others. */
export function forwardedHeaders(headers: RawHeaders, options: ForwardingOptions): string[] {
  const { client, to, body, whole = false, range, accept, neutral = false } = options;
  const isHosted = to.kind === "hosted" && !neutral;
  const isWhole = whole || range !== undefined;
  const kept = selected(headers, (name) => {
    if (forReading.has(name)) {
      const isReplaced = name === "accept" && accept !== undefined;
      return !isReplaced && !(isWhole && (name === "range" || name.startsWith("if-")));
    }
    if (aboutBody.has(name)) {
      return body === "typed" || (body === "opaque" && name !== "content-type");
    }
    return (
      isHosted && (forPushing.test(name) || to.forwards.has(name) || (to.passthrough && name === "cookie"))
    );
  });
  if (accept !== undefined) {
    kept.push("Accept", accept);
  }
  if (range !== undefined) {
    kept.push("Range", range);
  }
  if (body === "opaque" && firstValue(headers, "content-type") !== undefined) {
    kept.push("Content-Type", "application/octet-stream");
  }
  // The router reads errors and lists, and a digest is that of the uncompressed content: responses must not be compressed.
  kept.push("Accept-Encoding", "identity");
  if (isHosted) {
    kept.push(...aboutClient(headers, client, options));
  }
  kept.push("Via", [...valuesOf(headers, "via"), `1.1 ${options.via}`].join(", "));
  if (options.authorization !== undefined) {
    kept.push("Authorization", options.authorization);
  }
  return kept;
}

/** distribution builds the `Location` of an upload from these. */
function aboutClient(
  headers: RawHeaders,
  client: ClientConnection,
  { to, shared = false }: ForwardingOptions,
): string[] {
  const before = client.trusted ? valuesOf(headers, "x-forwarded-for") : [];
  const hops = shared ? [] : [...before, client.address].filter((address) => address !== "");
  const host = publicHost(headers, client);
  return [
    ...(hops.length > 0 ? ["X-Forwarded-For", hops.join(", ")] : []),
    "X-Forwarded-Proto",
    // A registry that is asked over TLS and told `http` redirects to itself.
    to.encrypted ? "https" : publicProto(headers, client),
    ...(host === undefined ? [] : ["X-Forwarded-Host", host]),
  ];
}

/** The scheme and host by which a client knows the router. Registries build addresses from them. */
export function publicOrigin(headers: RawHeaders, client: ClientConnection): string {
  return `${publicProto(headers, client)}://${publicHost(headers, client) ?? ""}`;
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
