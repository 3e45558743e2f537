import { endToEnd, type RawHeaders, valuesOf } from "./headers.ts";

/** What has to be known of a client's connection to tell upstreams about it. */
export interface ClientConnection {
  readonly address: string;
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
  /** Whether the client's body goes along. */
  readonly body: boolean;
}

const replaced = [
  "authorization",
  "expect", // Node has answered it: only a final response may follow
  "host",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
];
const clientCredentials = ["cookie"];
const aboutBody = ["content-length", "content-type", "content-encoding", "content-range"];
const forwardedByOthers = ["forwarded", "x-forwarded-port", "x-forwarded-prefix", "x-real-ip"];

/**
 * The request headers for an upstream, without `Host`, which is the connection's business.
 * The upstream is told of the client in `X-Forwarded-*`: distribution builds the `Location` of an upload
 * session from them.
 */
export function forwardedHeaders(headers: RawHeaders, options: ForwardingOptions): string[] {
  const { client } = options;
  const kept = endToEnd(headers, droppedFor(options));
  const before = client.trusted ? valuesOf(headers, "x-forwarded-for") : [];
  kept.push("X-Forwarded-For", [...before, client.address].join(", "));
  kept.push("X-Forwarded-Proto", forwardedProto(headers, client));
  const host = publicHost(headers, client);
  if (host !== undefined) {
    kept.push("X-Forwarded-Host", host);
  }
  kept.push("Via", [...valuesOf(headers, "via"), `1.1 ${options.via}`].join(", "));
  if (options.authorization !== undefined) {
    kept.push("Authorization", options.authorization);
  }
  return kept;
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

function forwardedProto(headers: RawHeaders, client: ClientConnection): string {
  const told = client.trusted ? firstOf(headers, "x-forwarded-proto") : undefined;
  return told ?? (client.encrypted ? "https" : "http");
}

function firstOf(headers: RawHeaders, lowerName: string): string | undefined {
  const first = valuesOf(headers, lowerName)[0]?.split(",")[0]?.trim();
  return first === "" ? undefined : first;
}

// Fixed sets, so that a request makes none.
const dropSets: Readonly<Record<string, ReadonlySet<string>>> = Object.fromEntries(
  [true, false].flatMap((trusted) =>
    [true, false].flatMap((passthrough) =>
      [true, false].map((body) => [
        dropKey(trusted, passthrough, body),
        new Set([
          ...replaced,
          ...(trusted ? [] : forwardedByOthers),
          ...(passthrough ? [] : clientCredentials),
          ...(body ? [] : aboutBody),
        ]),
      ]),
    ),
  ),
);

function droppedFor({ client, passthrough, body }: ForwardingOptions): ReadonlySet<string> {
  return dropSets[dropKey(client.trusted, passthrough, body)] ?? new Set(replaced);
}

function dropKey(trusted: boolean, passthrough: boolean, body: boolean): string {
  return `${trusted ? "t" : ""}${passthrough ? "p" : ""}${body ? "b" : ""}`;
}
