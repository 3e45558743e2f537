import { type RegistryOptions, startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { cases } from "../support/cases.ts";
import { errorOf, fetchRaw } from "../support/client.ts";
import { startRouter } from "../support/router.ts";
import { startSides } from "../support/sides.ts";

// What upstreams hear of a client, and what clients hear of an upstream's session.

const always = ["host", "accept-encoding", "via", "connection"];
const reading = [
  "accept",
  "range",
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
  "if-range",
  "user-agent",
  "traceparent",
  "tracestate",
];
const aboutClient = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

const secrets = {
  "PRIVATE-TOKEN": "secret",
  "X-JFrog-Art-Api": "secret",
  "X-Registry-Auth": "secret",
  "Cf-Access-Jwt-Assertion": "secret",
  "X-Auth-Request-Access-Token": "secret",
  "Remote-User": "secret",
  "X-Original-URL": "/secret",
  "X-HTTP-Method-Override": "DELETE",
  Cookie: "sid=secret",
  Authorization: "Basic c2VjcmV0",
  "Accept-Language": "secret",
  Forwarded: "for=secret",
  "X-Real-IP": "1.2.3.4",
};

const paths = (digest: string, layer: string) => [
  "/v2/team/app/manifests/1",
  "/v2/team/app/manifests/none",
  `/v2/team/app/manifests/${digest}`,
  `/v2/team/app/blobs/${layer}`,
  "/v2/team/app/tags/list",
  `/v2/team/app/referrers/${digest}`,
];

async function startBoth(registry: RegistryOptions = {}) {
  const sides = await startSides({
    proxies: { hub: { registry } },
    hosted: { registry },
    router: { rules: [{ match: "**", shadow: "allow" }] },
  });
  const image = sides.hosted.addImage("team/app", { tag: "1", layers: ["private"] });
  return { ...sides, image };
}

describe("headers of a client", () => {
  it("that are credentials of other services, or change what a server does, reach no upstream", async () => {
    await using sides = await startBoth();

    for (const path of paths(sides.image.digest, String(sides.image.layers[0]?.digest))) {
      for (const method of ["GET", "HEAD"]) {
        await fetchRaw(sides.router.url, path, { method, headers: { ...secrets, Accept: "a/b" } });
      }
    }

    expect(sides.proxy.requests.length).toBeGreaterThan(4);
    for (const { headers } of sides.proxy.requests) {
      expect([...always, ...reading]).toEqual(expect.arrayContaining(Object.keys(headers)));
    }
    for (const { headers } of sides.hosted.requests) {
      expect([...always, ...reading, ...aboutClient]).toEqual(expect.arrayContaining(Object.keys(headers)));
    }
  });

  it("of any name reach a proxy only if reading needs them", async () => {
    await using sides = await startBoth();
    const name = fc
      .stringMatching(/^[a-zA-Z][a-zA-Z0-9-]{0,20}$/)
      .filter(
        (text) =>
          !/^(?:host|connection|upgrade|transfer-encoding|content-length|expect|te|trailer|keep-alive|proxy-.*)$/i.test(
            text,
          ),
      );

    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 20, selector: (text) => text.toLowerCase() }),
        async (names) => {
          const headers = Object.fromEntries(names.map((one) => [one, "v"]));
          await fetchRaw(sides.router.url, "/v2/team/app/manifests/1", { headers });
          const heard = Object.keys(sides.proxy.requests.at(-1)?.headers ?? {});

          expect([...always, ...reading]).toEqual(expect.arrayContaining(heard));
          sides.proxy.clearRequests();
        },
      ),
      { numRuns: cases(300) },
    );
  });

  it("reach hosted where its configuration names them, and no proxy", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    hosted.addImage("team/app", { tag: "1" });
    await using router = await startRouter({
      hosted: { url: hosted.url, forwardHeaders: ["X-JFrog-Art-Api"] },
      proxy: proxy.url,
      rules: [{ match: "**", shadow: "allow" }],
    });

    await fetchRaw(router.url, "/v2/team/app/manifests/1", { headers: secrets });

    expect(hosted.requests.map(({ headers }) => headers["x-jfrog-art-api"])).toEqual(["secret"]);
    expect(hosted.requests.map(({ headers }) => headers["private-token"])).toEqual([undefined]);
    expect(proxy.requests.map(({ headers }) => headers["x-jfrog-art-api"])).toEqual([undefined]);
  });

  it.each(["Host", "Authorization", "Connection", "X-Forwarded-Host", "Cookie", "a b", ""])(
    "that hosted cannot be given are refused in the configuration: %j",
    async (name) => {
      await expect(
        startRouter({
          hosted: { url: "http://h.example", forwardHeaders: [name] },
          proxy: "http://p.example",
        }),
      ).rejects.toThrow(/hosted\.forwardHeaders/);
    },
  );
});

describe("a request of the router's own", () => {
  it("has a User-Agent", async () => {
    await using sides = await startBoth({ tokens: {} });
    await fetchRaw(sides.router.url, "/v2/");
    await sides.router.handler.explain("team/app:1");

    const heard = [...sides.proxy.requests, ...sides.hosted.requests];

    expect(heard.some(({ path }) => path.startsWith("/token"))).toBe(true);
    for (const { headers } of heard) {
      expect(headers["user-agent"]).toMatch(/^combined-registry\/\d/);
    }
  });
});

describe("headers of an upstream", () => {
  const session = {
    "Set-Cookie": "sid=of-the-router",
    "X-Harbor-CSRF-Token": "of-the-router",
    "Access-Control-Allow-Origin": "*",
    "Strict-Transport-Security": "max-age=1",
    "Clear-Site-Data": '"*"',
    "Content-Security-Policy": "default-src *",
    "Alt-Svc": "h3",
    Refresh: "0;url=http://evil.example",
    "X-Auth-Token": "of-the-router",
    "Authentication-Info": "of-the-router",
    "Speculation-Rules": "evil",
    "X-Content-Type-Options": "none",
  };

  it.each([200, 404, 500])("that begin a session or steer browsers stay behind: %i", async (status) => {
    await using sides = await startBoth();
    const { digest, layers } = sides.image;
    sides.hosted.fault({
      status,
      headers: { ...session, "Content-Type": "application/vnd.oci.image.manifest.v1+json" },
      body: '{"schemaVersion":2,"layers":[],"tags":["1"],"manifests":[]}',
    });

    for (const path of paths(digest, String(layers[0]?.digest))) {
      for (const method of ["GET", "HEAD"]) {
        const { headers } = await fetchRaw(sides.router.url, path, { method });

        expect(JSON.stringify(headers)).not.toMatch(/of-the-router|evil|max-age=1/);
        expect(headers).toMatchObject({
          "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
          "x-content-type-options": "nosniff",
        });
        expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
      }
    }
  });
});

describe("a warning of an upstream", () => {
  it("comes in the form that clients show, one a header", async () => {
    await using sides = await startBoth();
    sides.hosted.fault({
      path: /manifests/,
      status: 200,
      headers: {
        "Content-Type": "application/vnd.oci.image.manifest.v1+json",
        Warning: '299 hub "old, and \\"quoted\\"", 299 - "two" "Wed, 21 Oct 2015 07:28:00 GMT"',
      },
      body: '{"layers":[]}',
    });

    const { rawHeaders } = await fetchRaw(sides.router.url, "/v2/team/app/manifests/1");

    expect(rawHeaders.filter((_, index) => rawHeaders[index - 1] === "Warning")).toEqual([
      '299 - "old, and \\"quoted\\""',
      '299 - "two"',
    ]);
  });
});

describe("a write by a page of another site", () => {
  it.each<[string, Record<string, string>]>([
    ["cross-site", { "Sec-Fetch-Site": "cross-site" }],
    ["same-site, but another origin", { "Sec-Fetch-Site": "same-site" }],
    ["with another origin", { Origin: "https://evil.example" }],
    ["with no origin that it tells", { Origin: "null" }],
  ])("is refused before an upstream hears of it: %s", async (_, headers) => {
    await using sides = await startBoth();
    const asks = [
      ["POST", "/v2/team/app/blobs/uploads/"],
      ["PUT", "/v2/team/app/manifests/2"],
      ["DELETE", "/v2/team/app/manifests/1"],
    ] as const;

    for (const [method, path] of asks) {
      const answer = await fetchRaw(sides.router.url, path, { method, headers });

      expect([method, answer.status, errorOf(answer).code]).toEqual([method, 403, "DENIED"]);
    }
    expect(sides.hosted.requests).toEqual([]);
  });

  it("of the router's own origin, and of a client without one, is not", async () => {
    await using sides = await startBoth();
    const own = { Origin: sides.router.url, "Sec-Fetch-Site": "same-origin" };

    for (const headers of [{}, own]) {
      const { status } = await fetchRaw(sides.router.url, "/v2/team/app/blobs/uploads/", {
        method: "POST",
        headers,
      });

      expect(status).toBe(202);
    }
  });
});
