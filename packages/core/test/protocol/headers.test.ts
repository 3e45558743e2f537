import { describe, expect, it } from "@jest/globals";
import {
  type ForwardingOptions,
  forwardedHeaders,
  isLoop,
  publicHost,
} from "../../src/protocol/forwarded-headers.ts";
import { boundWarnings, endToEnd, valuesOf, warning } from "../../src/protocol/headers.ts";

const stranger = { address: "192.0.2.7", origin: "192.0.2.7", encrypted: false, trusted: false };
const balancer = { address: "10.0.0.1", origin: "192.0.2.7", encrypted: false, trusted: true };

const hosted = { kind: "hosted", passthrough: false, encrypted: false, forwards: new Set<string>() } as const;

function forwarded(headers: string[], options: Partial<ForwardingOptions> = {}): string[] {
  return forwardedHeaders(headers, {
    client: stranger,
    via: "router-1",
    authorization: undefined,
    to: hosted,
    body: "none",
    ...options,
  });
}

describe("endToEnd", () => {
  it("drops hop-by-hop headers and those that Connection names, in any case", () => {
    const headers = [
      "Connection",
      "close, X-Hop",
      "x-hop",
      "1",
      "Keep-Alive",
      "5",
      "TE",
      "trailers",
      "Upgrade",
      "h2c",
      "Accept",
      "a",
    ];

    expect(endToEnd(headers, new Set())).toEqual(["Accept", "a"]);
  });

  it("keeps repeated headers apart and their spelling", () => {
    const headers = ["Link", "<a>", "OCI-Subject", "x", "Link", "<b>"];

    expect(endToEnd(headers, new Set())).toEqual(headers);
  });

  it("keeps Content-Length even if Connection names it, or the body's end would be lost", () => {
    expect(endToEnd(["Connection", "content-length", "Content-Length", "5"], new Set())).toEqual([
      "Content-Length",
      "5",
    ]);
  });
});

describe("forwardedHeaders", () => {
  it("never passes the client's Authorization or cookies on by itself", () => {
    const headers = forwarded([
      "Authorization",
      "Basic c2VjcmV0",
      "Cookie",
      "session=1",
      "Proxy-Authorization",
      "Basic eA==",
    ]);

    expect(headers.join()).not.toMatch(/c2VjcmV0|session|eA==/);
  });

  it("carries the authorization that it is given", () => {
    expect(
      valuesOf(forwarded(["Authorization", "Basic old"], { authorization: "Bearer new" }), "authorization"),
    ).toEqual(["Bearer new"]);
  });

  it("keeps the headers that a lookup depends on", () => {
    const asked = ["Accept", "a/b", "Accept", "c/d", "Range", "bytes=5-", "If-None-Match", '"x"'];

    expect(forwarded(asked).slice(0, asked.length)).toEqual(asked);
  });

  it("replaces forwarding headers of an untrusted client", () => {
    const headers = forwarded([
      "Host",
      "r.example",
      "X-Forwarded-For",
      "1.1.1.1",
      "X-Forwarded-Proto",
      "https",
      "Forwarded",
      "for=1.1.1.1",
      "X-Forwarded-Host",
      "evil",
    ]);

    expect(valuesOf(headers, "x-forwarded-for")).toEqual(["192.0.2.7"]);
    expect(valuesOf(headers, "x-forwarded-proto")).toEqual(["http"]);
    expect(valuesOf(headers, "x-forwarded-host")).toEqual(["r.example"]);
    expect(valuesOf(headers, "forwarded")).toEqual([]);
  });

  it("believes a trusted load balancer", () => {
    const headers = forwarded(
      [
        "Host",
        "inner",
        "X-Forwarded-For",
        "1.1.1.1",
        "X-Forwarded-Proto",
        "https",
        "X-Forwarded-Host",
        "r.example",
      ],
      { client: balancer },
    );

    expect(valuesOf(headers, "x-forwarded-for")).toEqual(["1.1.1.1, 10.0.0.1"]);
    expect(valuesOf(headers, "x-forwarded-proto")).toEqual(["https"]);
    expect(valuesOf(headers, "x-forwarded-host")).toEqual(["r.example"]);
    expect(publicHost(["Host", "inner", "X-Forwarded-Host", "r.example"], balancer)).toBe("r.example");
  });

  it("sends no entity headers without a body", () => {
    expect(
      forwarded(["Content-Length", "5", "Content-Type", "a/b", "Expect", "100-continue"]).join(),
    ).not.toMatch(/content|expect/i);
    expect(valuesOf(forwarded(["Content-Length", "5"], { body: "typed" }), "content-length")).toEqual(["5"]);
  });

  it("adds itself to Via, by which it detects loops", () => {
    const headers = forwarded(["Via", "1.1 before"]);

    expect(valuesOf(headers, "via")).toEqual(["1.1 before, 1.1 router-1"]);
    expect(isLoop(headers, "router-1")).toBe(true);
    expect(isLoop(headers, "router-2")).toBe(false);
    expect(isLoop(["Via", "1.1 router-10"], "router-1")).toBe(false);
  });
});

describe("warning", () => {
  it("cannot be broken out of", () => {
    expect(warning('a"b\\c\r\nSet-Cookie: x\u2603')).toBe(`299 - "a'b'c??Set-Cookie: x?"`);
  });

  it("is clipped if it is long, and stays one quoted string", () => {
    const long = warning('\u2603"\\'.repeat(5_000));

    expect(long).toMatch(/^299 - "[^"\\]*\.\.\."$/);
    expect(long.length).toBeLessThan(1_024);
  });
});

describe("the warnings of an answer", () => {
  const bytesOf = (values: readonly string[]) =>
    values.reduce((sum, value) => sum + `Warning: ${value}\r\n`.length, 0);

  it.each([
    ["very many", Array.from({ length: 500 }, (_, index) => warning(`proxy-${index} failed`))],
    ["long", Array.from({ length: 6 }, (_, index) => warning(`${index} ${"x".repeat(5_000)}`))],
  ])("are 4096 bytes at the most where there are %s, the first ones whole", (_, warnings) => {
    const headers = warnings.flatMap((value) => ["Warning", value]);

    const kept = valuesOf(boundWarnings(["Link", "<a>", ...headers, "ETag", "x"]), "warning");

    expect(kept).toEqual(warnings.slice(0, kept.length));
    expect(bytesOf(kept)).toBeLessThanOrEqual(4096);
    expect(bytesOf(warnings.slice(0, kept.length + 1))).toBeGreaterThan(4096);
  });

  it("displace no other header, and too long ones of an upstream do not displace the router's", () => {
    const own = warning("proxy failed");
    const headers = ["warning", `299 - "${"y".repeat(5_000)}"`, "Link", "<a>", "Warning", own, "ETag", "x"];

    expect(boundWarnings(headers)).toEqual(["Link", "<a>", "Warning", own, "ETag", "x"]);
  });
});

describe("a neutral request", () => {
  it("keeps what selects content, and nothing that an upstream could build a URL from", () => {
    const wanted = ["Accept", "a/b", "Range", "bytes=1-", "If-None-Match", '"x"'];
    const said = ["X-JFrog-Override-Base-Url", "http://x", "X-Original-Host", "x", "Forwarded", "host=x"];

    expect(forwarded([...wanted, ...said], { client: balancer, neutral: true })).toEqual([
      ...wanted,
      ...["Accept-Encoding", "identity", "Via", "1.1 router-1"],
    ]);
    expect(forwarded(["Connection", "Range", "Range", "bytes=1-"], { neutral: true })).not.toContain("Range");
  });
});
