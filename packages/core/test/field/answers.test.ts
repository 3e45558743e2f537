import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import type { CombinedRegistryConfig, ProxyConfig } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../support/client.ts";
import { digestOf, manifestType } from "../support/push.ts";
import { listen, startRouter } from "../support/router.ts";
import { until } from "../support/within.ts";

// What upstreams answer that is none, and what they refuse.

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

/** A proxy that gives one answer to everything under a repository, hosted with a private image, and a router. */
async function startWith(
  answer: Answer,
  proxy: Partial<ProxyConfig> = {},
  config: Partial<CombinedRegistryConfig> = {},
) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(response, request);
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  const hosted = await startRegistry();
  const image = hosted.addImage("team/app", { tag: "1", layers: ["private"] });
  const router = await startRouter({
    hosted: hosted.url,
    proxy: { name: "hub", url, breaker: false, ...proxy },
    rules: [{ match: "**", shadow: "allow" }],
    ...config,
  });
  return {
    asked,
    hosted,
    image,
    router,
    fetch: (method: string, address: string, headers = {}) =>
      fetchRaw(router.url, `/v2/team/app/${address}`, { method, headers }),
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      server.closeAllConnections();
      server.close();
      await hosted.close();
    },
  };
}

const send =
  (status: number, headers: Record<string, string | number>, body: string | Buffer = ""): Answer =>
  (response) => {
    response.writeHead(status, { "Content-Length": Buffer.byteLength(body), ...headers }).end(body);
  };
const page = "<!doctype html><title>Sign in</title>";
const manifest = JSON.stringify({ schemaVersion: 2, layers: [] });
const errors = (code: string, message: string, detail: unknown = null) =>
  JSON.stringify({ errors: [{ code, message, detail }] });
const json = { "Content-Type": "application/json" };

describe("a proxy that answers every path with what is no image hides nothing of hosted's", () => {
  it.each<[string, Answer]>([
    ["a page", send(200, { "Content-Type": "text/html; charset=utf-8" }, page)],
    ["a page in chunks", (response) => response.writeHead(200, { "Content-Type": "TEXT/HTML" }).end(page)],
    ["a page of XHTML", send(200, { "Content-Type": "application/xhtml+xml" }, page)],
    [
      "a compressed page",
      send(200, { "Content-Type": "text/html", "Content-Encoding": "gzip" }, gzipSync(page)),
    ],
    ["nothing", send(200, {})],
    ["nothing, as a manifest", send(200, { "Content-Type": manifestType })],
    ["no content", send(204, {})],
    ["202", send(202, {})],
    ["not modified, unasked", send(304, {})],
    ["a range that cannot be satisfied, unasked", send(416, {})],
  ])("%s", async (_, answer) => {
    await using sides = await startWith(answer);
    const [layer] = sides.image.layers;
    const asks = [
      ["GET", "manifests/1"],
      ["HEAD", "manifests/1"],
      ["GET", `manifests/${sides.image.digest}`],
      ["HEAD", `manifests/${sides.image.digest}`],
      ["GET", `blobs/${layer?.digest}`],
      ["HEAD", `blobs/${layer?.digest}`],
    ] as const;

    for (const [method, address] of asks) {
      const { status, headers } = await sides.fetch(method, address);

      expect([method, address, status]).toEqual([method, address, 200]);
      expect(headers["x-combined-registry"]).toMatch(/^hosted; (found|cached)/);
      expect(headers["docker-content-digest"]).toMatch(
        address.startsWith("blobs") ? String(layer?.digest) : sides.image.digest,
      );
    }
    expect((await sides.fetch("GET", "manifests/none")).status).toBe(502);
  });

  it.each<[string, Answer, string]>([
    [
      "the first half of it",
      send(200, { "Content-Type": manifestType }, '{"schemaVersion":2,'),
      "no JSON object",
    ],
    ["other bytes", send(200, { "Content-Type": manifestType }, manifest), "does not match its digest"],
    [
      "the digest of another one",
      send(200, { "Content-Type": manifestType, "Docker-Content-Digest": digestOf("x") }, manifest),
      "a manifest with another digest",
    ],
    ["JSON that is no manifest", send(200, json, '{"status":"ok"}'), "application/json that is no manifest"],
    ["text", send(200, { "Content-Type": "text/plain" }, "{ hello }"), "text/plain that is no manifest"],
  ])("a manifest by digest: %s", async (_, answer, cause) => {
    await using sides = await startWith(answer);

    const { status, body, headers } = await sides.fetch("GET", `manifests/${sides.image.digest}`);

    expect([status, digestOf(body)]).toEqual([200, sides.image.digest]);
    expect(headers["x-combined-registry"]).toContain(`hub failed (sent `);
    expect(headers["x-combined-registry"]).toContain(cause);
  });

  it("lists of tags", async () => {
    await using sides = await startWith(send(200, { "Content-Type": "text/html" }, page));

    const { status, body } = await fetchRaw(sides.router.url, "/v2/team/other/tags/list");

    expect([status, JSON.parse(body.toString()).errors[0].message]).toEqual([
      502,
      "hosted not found, hub failed (sent a web page where a list was expected)",
    ]);
  });

  it("that compresses its list of tags unasked, and the lists are merged", async () => {
    const list = gzipSync('{"name":"team/app","tags":["9"]}');
    await using sides = await startWith(
      send(200, { ...json, "Content-Encoding": "gzip" }, list),
      {},
      { lists: "merge" },
    );

    const { status, body } = await fetchRaw(sides.router.url, "/v2/team/app/tags/list");

    expect([status, JSON.parse(body.toString()).tags]).toEqual([200, ["1", "9"]]);
  });

  it("opens its circuit", async () => {
    await using sides = await startWith(send(200, { "Content-Type": "text/html" }, page), {
      breaker: { failures: 2, delay: 60_000, longestDelay: 60_000 },
    });

    for (const tag of ["1", "2", "3"]) {
      await sides.fetch("GET", `manifests/${tag}`);
    }

    expect(sides.asked).toHaveLength(2);
  });
});

describe("a half-open probe that a page answers", () => {
  it("leaves the circuit open, and a manifest closes it", async () => {
    let isPortal = true;
    await using sides = await startWith(
      (response, request) =>
        (isPortal
          ? send(200, { "Content-Type": "text/html" }, page)
          : send(200, { "Content-Type": manifestType }, manifest))(response, request),
      { breaker: { failures: 2, delay: 20, longestDelay: 20 } },
    );
    const stateOf = async () => (await sides.router.handler.health()).upstreams[1]?.breaker;
    for (const tag of ["1", "2", "3"]) {
      await sides.fetch("GET", `manifests/${tag}`);
    }
    const before = sides.asked.length;
    await until(5_000, "three probes", async () => {
      await stateOf();
      return sides.asked.filter((line) => !line.endsWith("/v2/")).length >= before + 3;
    });

    expect(await stateOf()).not.toBe("closed");
    isPortal = false;
    await until(5_000, "the circuit to close", async () => (await stateOf()) === "closed");
  });
});

describe("a manifest is served, whatever its server calls it", () => {
  it.each<[string, Answer]>([
    ["as JSON, as distribution 2 does at times", send(200, json, manifest)],
    ["without a type", send(200, {}, manifest)],
    ["as bytes", send(200, { "Content-Type": "application/octet-stream" }, manifest)],
    [
      "with another case and a parameter",
      send(200, { "Content-Type": `${manifestType.toUpperCase()}; charset=utf-8` }, manifest),
    ],
    ["in chunks", (response) => response.writeHead(200, { "Content-Type": manifestType }).end(manifest)],
    [
      "compressed",
      send(200, { "Content-Type": manifestType, "Content-Encoding": "gzip" }, gzipSync(manifest)),
    ],
  ])("%s", async (_, answer) => {
    await using sides = await startWith(answer);

    for (const address of ["manifests/9", `manifests/${digestOf(manifest)}`]) {
      const { status, body, headers } = await sides.fetch("GET", address);

      expect([status, body.toString()]).toEqual([200, manifest]);
      expect(headers["content-encoding"]).toBeUndefined();
      expect(headers["x-combined-registry"]).toMatch(/^hub; (found|cached)/);
    }
  });

  it("signed, with the digest of its payload", async () => {
    const type = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    await using sides = await startWith(
      send(
        200,
        { "Content-Type": type, "Docker-Content-Digest": digestOf("payload") },
        '{"schemaVersion":1}',
      ),
    );

    expect((await sides.fetch("GET", `manifests/${digestOf("payload")}`)).status).toBe(200);
  });
});

describe("HEAD of a manifest that a registry refuses", () => {
  it.each([405, 403, 501])(
    "with %d is answered from GET, and asked with GET from then on",
    async (status) => {
      await using sides = await startWith((response, request) =>
        (request.method === "HEAD"
          ? send(status, {})
          : send(200, { "Content-Type": manifestType }, manifest))(response, request),
      );

      for (const tag of ["8", "9"]) {
        const answer = await sides.fetch("HEAD", `manifests/${tag}`);

        expect([answer.status, answer.body.length]).toEqual([200, 0]);
        expect(answer.headers).toMatchObject({
          "content-type": manifestType,
          "content-length": String(manifest.length),
          "docker-content-digest": digestOf(manifest),
        });
      }
      expect(sides.asked.map((line) => line.split(" ")[0])).toEqual(["HEAD", "GET", "GET"]);
    },
  );

  it.each([405, 501])("of a blob with %d is answered from GET", async (status) => {
    const content = "a layer of another make";
    await using sides = await startWith((response, request) =>
      (request.method === "HEAD" ? send(status, {}) : send(200, {}, content))(response, request),
    );

    const { status: given, body, headers } = await sides.fetch("HEAD", `blobs/${digestOf(content)}`);

    expect([given, body.length, headers["content-length"]]).toEqual([200, 0, String(content.length)]);
  });

  it("with 403 as for every name that it does not know is asked twice once", async () => {
    await using sides = await startWith(
      send(403, json, errors("DENIED", "requested access to the resource is denied")),
    );

    for (const tag of ["1", "1", "1"]) {
      expect((await sides.fetch("HEAD", `manifests/${tag}`)).status).toBe(200);
    }

    expect(sides.asked.map((line) => line.split(" ")[0]).filter((method) => method === "GET")).toHaveLength(
      1,
    );
  });
});

const user = { auth: { username: "ci", password: "s3cret" } };

describe("a refusal", () => {
  it.each<[string, Answer, string]>([
    [
      "a server that repeats the password",
      send(403, json, errors("DENIED", "login of ci with s3cret failed")),
      "with *** failed",
    ],
    [
      "an expired token (403)",
      send(
        403,
        json,
        errors("DENIED", "Your authorization token has expired. Reauthenticate and try again."),
      ),
      "Your authorization token has expired",
    ],
    ["403 without words", send(403, {}), "(403)"],
    ["401 without a challenge", send(401, {}), "(401)"],
    ["401 with Basic", send(401, { "WWW-Authenticate": 'Basic realm="r"' }), "(401)"],
  ])("of the configured user is a failure that names the credentials: %s", async (_, answer, words) => {
    await using sides = await startWith(answer, user);

    for (const address of ["manifests/none", `manifests/${digestOf("none")}`, `blobs/${digestOf("none")}`]) {
      const refused = await sides.fetch("GET", address);

      expect(refused.status).toBe(502);
      expect(errorOf(refused).message).toContain("hub failed (refused the router's credentials");
      expect(errorOf(refused).message).toContain(words);
      expect(refused.body.toString()).not.toContain("s3cret");
    }
    expect((await sides.fetch("GET", "manifests/1")).status).toBe(200);
  });

  it.each([401, 403])(
    "of a proxy without a user is 404, as public registries answer for unknown names: %d",
    async (status) => {
      await using sides = await startWith(
        send(status, json, errors("DENIED", "requested access to the resource is denied")),
      );

      expect((await sides.fetch("GET", "manifests/none")).status).toBe(404);
    },
  );

  it.each<[number, string, string]>([
    [403, "DENIED", "blocked by policy: CVE-2026-1"],
    [451, "DENIED", "not licensed in this country"],
    [412, "PROJECTPOLICYVIOLATION", "current image with 12 vulnerabilities cannot be pulled"],
    [402, "DENIED", "the quota of this month is used up"],
  ])(
    "with %d %s and a reason is passed on as 403 with the reason, if no upstream has the image",
    async (status, code, words) => {
      await using sides = await startWith(send(status, json, errors(code, words)));

      for (const attempt of [1, 2]) {
        const refused = await sides.fetch("GET", "manifests/none");

        expect([attempt, refused.status, errorOf(refused).code]).toEqual([attempt, 403, "DENIED"]);
        expect(errorOf(refused).message).toBe(`hub: ${words}`);
        expect(refused.headers["x-combined-registry"]).toContain(`hub refused (${words})`);
      }
      expect((await sides.fetch("HEAD", "manifests/none")).status).toBe(403);
      expect((await sides.fetch("HEAD", `manifests/${digestOf("none")}`)).status).toBe(404);
      expect((await sides.fetch("GET", "manifests/1")).status).toBe(200);
    },
  );

  it("of one type keeps its reason beside hosted's words", async () => {
    const words = "OCI manifest found, but Accept header does not support OCI manifests";
    await using sides = await startWith(send(404, json, errors("MANIFEST_UNKNOWN", words)));

    const { status, body } = await sides.fetch("GET", "manifests/none");

    expect(status).toBe(404);
    expect(JSON.parse(body.toString()).errors.map(({ message }: { message: string }) => message)).toEqual([
      "manifest unknown",
      `hub: ${words}`,
    ]);
  });
});

describe("an error is judged by its code where that says more than its status", () => {
  it.each<[string, Answer, number]>([
    ["404 TOOMANYREQUESTS", send(404, json, errors("TOOMANYREQUESTS", "slow down")), 429],
    ["500 TOOMANYREQUESTS", send(500, json, errors("TOOMANYREQUESTS", "slow down")), 429],
    ["418 MANIFEST_UNKNOWN", send(418, json, errors("MANIFEST_UNKNOWN", "manifest unknown")), 404],
    ["500 NAME_UNKNOWN", send(500, json, errors("NAME_UNKNOWN", "no such name")), 404],
    [
      "a cache's 500 with a denial as JSON",
      send(
        500,
        json,
        errors("UNKNOWN", "unknown error", { errors: [{ code: "UNAUTHORIZED", message: "no" }] }),
      ),
      404,
    ],
    [
      "a cache's 500 with a denial as text",
      send(
        500,
        json,
        errors("UNKNOWN", "unknown error", "denied: requested access to the resource is denied"),
      ),
      404,
    ],
    [
      "a 500 of a disk",
      send(500, json, errors("UNKNOWN", "unknown error", "open /data: permission denied")),
      502,
    ],
  ])("%s", async (_, answer, status) => {
    await using sides = await startWith(answer);

    expect((await sides.fetch("GET", `manifests/${digestOf("none")}`)).status).toBe(status);
  });

  it.each<[string, Answer]>([
    [
      "the page of a gateway with 404",
      send(404, { "Content-Type": "text/html" }, "<h1>default backend</h1>"),
    ],
    ["a denial with 404", send(404, json, errors("DENIED", "denied"))],
    ["a denial with 500", send(500, json, errors("UNAUTHORIZED", "authentication required"))],
    ["a page with 200", send(200, { "Content-Type": "text/html" }, page)],
  ])("hosted: %s is no not-found", async (_, answer) => {
    const server = createServer((request, response) => answer(response, request));
    const url = `http://127.0.0.1:${await listen(server)}`;
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: url, proxy: proxy.url });

    const { status } = await fetchRaw(router.url, "/v2/team/app/manifests/1");

    server.closeAllConnections();
    server.close();
    expect(status).toBe(502);
  });
});
