import { BlockList, isIP, isIPv6 } from "node:net";
import { type RawHeaders, valuesOf } from "./headers.ts";

/**
 * Where a request came from: the address of the connection or, where that is a trusted load balancer's, the last
 * one in `X-Forwarded-For` that is not. What stands further left was written by somebody whom nobody vouches for.
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

/** The load balancers whose word about clients is believed. */
export class TrustedAddresses {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** @param ranges addresses and CIDR ranges, checked already */
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
 * An IPv4 client of a socket that listens on IPv6 as well appears as `::ffff:1.2.3.4` (RFC 4291 section 2.5.5.2), and a
 * load balancer may write `::FFFF:102:304` or all of its zeros. Any other IPv6 address stays as it is.
 */
export function plainAddress(address = ""): string {
  // Most addresses end here, and so does what would leave the brackets below.
  if (!/ffff:/i.test(address) || !isIPv6(address)) {
    return address;
  }
  const written = `http://[${address}]/`;
  const canonical = URL.canParse(written) ? new URL(written).hostname : "";
  const mapped = /^\[::ffff:([\da-f]{1,4}):([\da-f]{1,4})\]$/.exec(canonical);
  return mapped === null ? address : mapped.slice(1).flatMap(bytes).join(".");
}

/** The two bytes of four hexadecimal digits. */
function bytes(group: string): number[] {
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 255];
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}
