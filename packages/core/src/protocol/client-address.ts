import { isIP } from "node:net";
import { type RawHeaders, valuesOf } from "./headers.ts";
import { plainAddress, type TrustedAddresses } from "./trusted-addresses.ts";

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
