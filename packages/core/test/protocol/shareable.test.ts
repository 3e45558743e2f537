import { describe, expect, it } from "@jest/globals";
import { longestManifest } from "../../src/protocol/manifest.ts";
import {
  acceptsMediaType,
  isAboutContent,
  isClientSpecific,
  isShareableManifest,
  variantKey,
  wholeManifest,
} from "../../src/protocol/shareable.ts";

describe("a request that does not depend on the client", () => {
  it.each([
    [
      "docker",
      [
        "Host",
        "a",
        "User-Agent",
        "docker/28",
        "Accept",
        "x/y",
        "Authorization",
        "Basic x",
        "Connection",
        "close",
      ],
    ],
    ["containerd", ["Host", "a", "User-Agent", "containerd/1.7", "Accept", "x/y", "Accept-Encoding", "gzip"]],
    [
      "podman",
      [
        "Host",
        "a",
        "User-Agent",
        "containers",
        "Accept",
        "x/y",
        "Docker-Distribution-Api-Version",
        "registry/2.0",
      ],
    ],
    [
      "a client behind a load balancer",
      ["Host", "a", "Accept", "x/y", "X-Forwarded-For", "10.0.0.1", "Via", "1.1 lb"],
    ],
    [
      "a client behind ingress-nginx",
      [
        ...[
          "Host",
          "a",
          "Accept",
          "x/y",
          "X-Request-ID",
          "1",
          "X-Real-IP",
          "10.0.0.1",
          "X-Forwarded-For",
          "10.0.0.1",
        ],
        ...["X-Forwarded-Host", "a", "X-Forwarded-Port", "443", "X-Forwarded-Proto", "https"],
        ...["X-Forwarded-Scheme", "https", "X-Scheme", "https", "X-Original-Forwarded-For", "10.0.0.2"],
      ],
    ],
    [
      "a client behind a load balancer of AWS, and Traefik",
      [
        "Host",
        "a",
        "Accept",
        "x/y",
        "X-Amzn-Trace-Id",
        "Root=1-67891233-ab",
        "X-Forwarded-Server",
        "traefik-0",
      ],
    ],
  ])("is one of %s: its variant is the query and Accept", (_, headers) => {
    expect(variantKey(headers, "?ns=docker.io")).toBe("?ns=docker.io\nx/y");
  });

  it.each([
    ["X-JFrog-Art-Api", "key"],
    ["PRIVATE-TOKEN", "token"],
    ["Cookie", "a=b"],
    ["Proxy-Authorization", "Basic x"],
    ["Range", "bytes=0-1"],
    ["If-None-Match", '"x"'],
    ["Cache-Control", "no-cache"],
    ["Accept-Language", "de"],
    ["X-Forwarded-Client-Cert", "Hash=ab"],
    ["Content-Length", "3"],
    // Takes a header away from what the upstream sees.
    ["Connection", "Accept"],
    ["connection", "keep-alive, accept"],
  ])("is not one with %s", (name, value) => {
    expect(variantKey(["Host", "a", name, value], "")).toBeUndefined();
  });

  it("is not one if its variant is too long to be cached", () => {
    expect(variantKey(["Accept", "x/y".padEnd(3_000, "z")], "")).toBeUndefined();
  });

  it("is not one with so many headers that an upstream may refuse it; headers for the router alone do not count", () => {
    const long = "x".repeat(5_000);

    expect(variantKey(["Host", "a", "Baggage", long], "")).toBeUndefined();
    expect(variantKey(["Host", "a", "Authorization", `Bearer ${long}`], "")).toBe("");
  });

  it("has another variant if Accept has another order or comes in several headers", () => {
    const variants = [
      ["Accept", "a, b"],
      ["Accept", "b, a"],
      ["Accept", "a", "accept", "b"],
    ].map((headers) => variantKey(headers, ""));

    expect(new Set(variants).size).toBe(3);
  });
});

describe("a response that may be given to every client", () => {
  it.each<[string, string, number, string[], number | undefined, boolean]>([
    ["a manifest", "GET", 200, ["Content-Length", "560"], 560, true],
    ["a HEAD response for one", "HEAD", 200, ["Content-Length", "560"], 0, true],
    ["one of 256 KiB", "GET", 200, ["Content-Length", "262144"], 262_144, true],
    ["a longer one", "GET", 200, ["Content-Length", "262145"], undefined, true],
    ["one of unknown length", "GET", 200, [], longestManifest, true],
    ["one in chunks", "GET", 200, ["Transfer-Encoding", "chunked"], longestManifest, true],
    ["an invalid length", "GET", 200, ["Content-Length", "0x10"], longestManifest, true],
    ["a redirect", "GET", 307, ["Content-Length", "0"], undefined, true],
    ["a partial one", "GET", 206, ["Content-Length", "5"], undefined, true],
    ["not modified", "GET", 304, ["Content-Length", "0"], undefined, true],
    ["encoded", "GET", 200, ["Content-Length", "5", "Content-Encoding", "gzip"], longestManifest, true],
    [
      "with the identity encoding",
      "GET",
      200,
      ["Content-Length", "5", "Content-Encoding", "identity"],
      5,
      true,
    ],
    ["with a cookie", "GET", 200, ["Content-Length", "5", "Set-Cookie", "a=b"], 5, false],
    ["private", "GET", 200, ["Content-Length", "5", "Cache-Control", "max-age=5, Private"], 5, false],
    ["not to be stored", "GET", 200, ["Content-Length", "5", "Cache-Control", "no-store"], 5, false],
    ["public", "GET", 200, ["Content-Length", "5", "Cache-Control", "max-age=31536000"], 5, true],
    ["with Vary: *", "GET", 200, ["Content-Length", "5", "Vary", "Accept, *"], 5, false],
    ["varying by Authorization", "HEAD", 200, ["Content-Length", "5", "Vary", "Authorization"], 0, false],
    ["with a Link", "GET", 200, ["Content-Length", "5", "Link", "<http://a/v2/>"], 5, false],
    ["with a Content-Location", "HEAD", 200, ["Content-Location", "http://a/v2/"], 0, false],
    ["varying by User-Agent", "GET", 200, ["Content-Length", "5", "Vary", "Accept, user-agent"], 5, false],
    [
      "varying by X-Forwarded-Host",
      "GET",
      200,
      ["Content-Length", "5", "Vary", "X-Forwarded-Host"],
      5,
      false,
    ],
    [
      "varying by headers that the request does not have",
      "GET",
      200,
      ["Content-Length", "5", "Vary", "Origin, Accept-Encoding"],
      5,
      true,
    ],
    ["varying by Accept", "GET", 200, ["Content-Length", "5", "Vary", "Accept"], 5, true],
  ])("%s", (_, method, status, headers, limit, shared) => {
    expect(wholeManifest(method, status, headers)?.limit).toBe(limit);
    expect(isShareableManifest(Buffer.from("{}"), headers)).toBe(shared);
  });
});

describe("an error response", () => {
  const denied = JSON.stringify({ errors: [{ code: "DENIED" }] });

  it.each([
    [404, "", true],
    [401, "", true],
    [405, "<h1>no</h1>", true],
    [403, denied, true],
    [500, denied, true],
    [403, "", false],
    [403, "<h1>no</h1>", false],
    [400, "Request Header Or Cookie Too Large", false],
    [451, "", false],
  ])("%d %s is about the content, or not", (status, body, isSo) => {
    expect(isAboutContent(status, Buffer.from(body))).toBe(isSo);
  });

  it.each([
    [undefined, false],
    [401, false],
    [408, false],
    [429, false],
    [500, false],
    [502, false],
    [403, true],
    [413, true],
    [431, true],
  ])("is a failure, %s, that may concern one client, or not", (status, mayBe) => {
    expect(isClientSpecific(status)).toBe(mayBe);
  });
});

describe("Accept", () => {
  it.each([
    [["a/b"], true],
    [["x/y, a/b;q=0.3"], true],
    [["x/y", " a/b "], true],
    [["a/b;q=0"], false],
    [["a/b; q=0.000"], false],
    [["a/bc, xa/b"], false],
    [["*/*", "a/*"], false],
    [[], false],
  ])("%j accepts a/b or not", (accept, isNamed) => {
    expect(acceptsMediaType(accept, "a/b")).toBe(isNamed);
  });
});
