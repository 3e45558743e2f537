import { BlockList, isIPv6 } from "node:net";

/** The load balancers whose word about clients is believed. */
export class TrustedAddresses {
  readonly #list = new BlockList();

  /** @param ranges addresses and CIDR ranges, checked already */
  constructor(ranges: readonly string[]) {
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
    return address !== "" && this.#list.check(address, familyOf(address));
  }
}

/** An IPv4 client of a socket that listens on IPv6 as well appears as `::ffff:1.2.3.4`. */
export function plainAddress(address = ""): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}
