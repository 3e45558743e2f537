import { BlockList, isIP, isIPv6 } from "node:net";
import { RegistryError } from "./errors.ts";
import { type RawHeaders, valuesOf } from "./headers.ts";

/**
 * The address of the connection or, if that is a trusted load balancer's, the last address in `X-Forwarded-For` that is not.
 * Anything further left may have been made up by the client.
 */
export function clientAddress(connection: string, headers: RawHeaders, trusted: TrustedAddresses): string {
  if (!trusted.has(connection)) {
    return connection;
  }
  let client = connection;
  const hops = valuesOf(headers, "x-forwarded-for").flatMap((value) => value.split(","));
  for (const hop of hops.reverse()) {
    const address = addressIn(hop.trim());
    if (address === undefined) {
      return client;
    }
    client = address;
    if (!trusted.has(address)) {
      return client;
    }
  }
  return client;
}

/** Some load balancers add the port, and then brackets around an IPv6 address. */
function addressIn(hop: string): string | undefined {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
  const address = plainAddress(bare);
  return isIP(address) === 0 ? undefined : address;
}

/** The load balancers whose `X-Forwarded-*` headers are believed. */
export class TrustedAddresses {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** @param ranges valid addresses and CIDR ranges */
  constructor(ranges: readonly string[]) {
    this.#isEmpty = ranges.length === 0;
    for (const range of ranges) {
      const [address = "", prefix] = range.split("/");
      const family = familyOf(address);
      if (prefix === undefined) {
        this.#list.addAddress(address, family);
      } else {
        this.#list.addSubnet(address, Number(prefix), family);
      }
    }
  }

  has(address: string): boolean {
    return !this.#isEmpty && address !== "" && this.#list.check(address, familyOf(address));
  }
}

/**
 * On a socket that listens on IPv6 as well, an IPv4 client appears as `::ffff:1.2.3.4` (RFC 4291 section 2.5.5.2). A load
 * balancer may write `::FFFF:102:304`, or all zeros. Other IPv6 addresses stay as they are.
 */
export function plainAddress(address = ""): string {
  // The common case. Text that is no address must not get into the URL below.
  if (!/ffff:/i.test(address) || !isIPv6(address)) {
    return address;
  }
  const url = `http://[${address}]/`;
  const canonical = URL.canParse(url) ? new URL(url).hostname : "";
  const mapped = /^\[::ffff:([\da-f]{1,4}):([\da-f]{1,4})\]$/.exec(canonical);
  const groups = mapped?.slice(1).map((group) => Number.parseInt(group, 16));
  return groups?.flatMap((group) => [group >> 8, group & 255]).join(".") ?? address;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}

// uri-host [":" port] of RFC 9110 7.2: a name, an IPv4 address, or an IPv6 one in brackets.
const hostGrammar = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;

/**
 * Registries build the address of an upload from `Host`, and servers differ in which of two they believe (RFC 9112 3.2: 400).
 * @throws RegistryError BAD_REQUEST if there are several, or one that is not well formed
 */
export function checkHost(headers: RawHeaders): void {
  const [host, ...others] = valuesOf(headers, "host");
  if (others.length > 0) {
    throw new RegistryError("BAD_REQUEST", { message: "the request names more than one host" });
  }
  if (host !== undefined && !hostGrammar.test(host)) {
    throw new RegistryError("BAD_REQUEST", { message: "the request's Host is not a host" });
  }
}

/** In lower case, without port and trailing dot. */
export function bareHostName(host: string): string {
  return host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
}

/** @param host a name or an address, IPv6 with or without brackets */
export function isLoopbackHost(host: string): boolean {
  return /^(localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[?::1\]?)$/i.test(host);
}
