import { isIPv6 } from "node:net";

/**
 * What passwords are counted by: an IPv4 address or, as whoever has an IPv6 address has all those of its /64,
 * the first half of that.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) {
    return address;
  }
  const [head = "", tail] = address.split("::");
  const before = groupsOf(head);
  // Even what ends in the notation of IPv4 has that in its second half.
  const after = groupsOf(tail ?? "");
  const length = after.at(-1)?.includes(".") ? after.length + 1 : after.length;
  const zeros = new Array<string>(Math.max(0, 8 - before.length - length)).fill("0");
  const half = [...before, ...zeros, ...after].slice(0, 4);
  return `${half.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

function groupsOf(text: string): string[] {
  return text === "" ? [] : text.split(":");
}
