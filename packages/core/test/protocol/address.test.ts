import { describe, expect, it } from "@jest/globals";
import { clientAddress, TrustedAddresses } from "../../src/protocol/address.ts";

const trusted = new TrustedAddresses(["10.0.0.0/8", "fd00::/8"]);
const from = (connection: string, ...values: string[]) =>
  clientAddress(
    connection,
    values.flatMap((value) => ["X-Forwarded-For", value]),
    trusted,
  );

describe("the address of a client", () => {
  it.each([
    ["there is no load balancer", "192.0.2.1", [], "192.0.2.1"],
    ["a client's own X-Forwarded-For", "192.0.2.1", ["198.51.100.9"], "192.0.2.1"],
    ["one load balancer", "10.0.0.1", ["198.51.100.9"], "198.51.100.9"],
    ["two in a row", "10.0.0.1", ["198.51.100.9, 10.0.0.2"], "198.51.100.9"],
    ["two in a row, a header each", "10.0.0.1", ["198.51.100.9", "10.0.0.2"], "198.51.100.9"],
    [
      "what the client claimed before the load balancer",
      "10.0.0.1",
      ["203.0.113.7, 198.51.100.9"],
      "198.51.100.9",
    ],
    ["a load balancer that says nothing", "10.0.0.1", [], "10.0.0.1"],
    ["nothing but load balancers", "10.0.0.1", ["10.0.0.3"], "10.0.0.3"],
    ["garbage", "10.0.0.1", ["198.51.100.9, unknown"], "10.0.0.1"],
    ["a port", "10.0.0.1", ["198.51.100.9:4711"], "198.51.100.9"],
    ["IPv6 with a port", "fd00::1", ["[2001:db8::5]:4711"], "2001:db8::5"],
    ["IPv4 in IPv6", "10.0.0.1", ["::ffff:198.51.100.9"], "198.51.100.9"],
    ["IPv4 in IPv6, in hexadecimal", "10.0.0.1", ["::FFFF:c633:6409"], "198.51.100.9"],
    ["IPv4 in IPv6, a load balancer's too", "10.0.0.1", ["198.51.100.9, ::ffff:a00:2"], "198.51.100.9"],
    ["what only looks like it", "10.0.0.1", ["::ffff:198.51.100.9]/"], "10.0.0.1"],
    ["IPv4 in IPv6, in full", "10.0.0.1", ["[0:0:0:0:0:ffff:c633:6409]:4711"], "198.51.100.9"],
    [
      "an IPv6 address with ffff elsewhere",
      "10.0.0.1",
      ["2001:db8::ffff:c633:6409"],
      "2001:db8::ffff:c633:6409",
    ],
  ] as const)("%s", (_, connection, values, expected) => {
    expect(from(connection, ...values)).toBe(expected);
  });
});
