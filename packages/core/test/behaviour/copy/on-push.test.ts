import { createServer } from "node:http";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { asked, codesOf, digestOf, manifestOf, putManifest } from "../../support/push.ts";
import { listen, startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until, within } from "../../support/within.ts";

const indexType = "application/vnd.oci.image.index.v1+json";

describe("pushing a manifest whose blobs a proxy has in the same repository", () => {
  it("copies those blobs alone to hosted, then succeeds", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const config = hosted.addBlob("library/app", "{}");
    const layers = ["one", "two", "three"].map((text) => proxy.addBlob("library/app", text));
    const manifest = manifestOf(config, ...layers);

    const put = await putManifest(router, "library/app", "mine", manifest);

    expect([put.status, put.headers["docker-content-digest"]]).toEqual([201, digestOf(manifest)]);
    expect(put.headers["x-combined-registry"]).toBe(
      "hosted; pushes go to hosted; 3 blobs and 0 manifests copied from proxies",
    );
    expect(hosted.manifest("library/app", "mine")?.toString()).toBe(manifest);
    expect(layers.map(({ digest }) => hosted.hasBlob("library/app", digest))).toEqual([true, true, true]);
    expect(asked(proxy, "GET").sort()).toEqual(
      layers.map(({ digest }) => `library/app/blobs/${digest}`).sort(),
    );
    expect(await metricsOf(router.url)).toMatchObject({
      'combined_registry_copied_blobs_total{from="proxy"}': 3,
      'combined_registry_copied_bytes_total{from="proxy"}': 11,
    });
  });

  it("lets the image be pulled from hosted afterwards", async () => {
    await using sides = await startSides();
    const { proxy, router } = sides;
    const manifest = manifestOf(proxy.addBlob("app", "{}"));
    await putManifest(router, "app", "1", manifest);

    const pulled = await fetchRaw(router.url, `/v2/app/manifests/${digestOf(manifest)}`);

    expect(pulled.headers["x-combined-registry"]).toBe("hosted; found by location hint");
  });

  it("works with several proxies that have one blob each", async () => {
    await using hosted = await startRegistry();
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: [first.url, second.url] });
    const manifest = manifestOf(first.addBlob("app", "{}"), second.addBlob("app", "layer"));

    const put = await putManifest(router, "app", "1", manifest);

    expect(put.status).toBe(201);
  });

  it("works with a proxy that has the repository under another name", async () => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, libraryPrefix: true },
    });
    const layer = proxy.addBlob("library/nginx", "layer");

    const put = await putManifest(router, "nginx", "mine", manifestOf(layer));

    expect([put.status, hosted.hasBlob("nginx", layer.digest)]).toEqual([201, true]);
  });

  it("follows a proxy's redirect to storage without credentials, although clients' own requests are not followed", async () => {
    await using storage = await startRegistry();
    await using hosted = await startRegistry({ locations: "absolute" });
    const auth = { username: "reader", password: "right" };
    await using proxy = await startRegistry({ auth, redirectBlobs: storage.url });
    await using router = await startRouter({ hosted: hosted.url, proxy: { url: proxy.url, auth } });
    const layer = proxy.addBlob("app", "in storage");
    storage.addBlob("somewhere", "in storage");

    const put = await putManifest(router, "app", "1", manifestOf(layer));

    expect([put.status, hosted.hasBlob("app", layer.digest)]).toEqual([201, true]);
    expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it("works where hosted and the proxy ask for tokens", async () => {
    const user = { username: "router", password: "right" };
    await using hosted = await startRegistry({ tokens: { user } });
    await using proxy = await startRegistry({ tokens: {} });
    await using router = await startRouter({ hosted: { url: hosted.url, auth: user }, proxy: proxy.url });
    const layer = proxy.addBlob("app", "layer");

    const put = await putManifest(router, "app", "1", manifestOf(layer));

    expect([put.status, hosted.hasBlob("app", layer.digest)]).toEqual([201, true]);
  });

  it("sends the client's own credentials to a hosted registry with auth passthrough, and to no proxy", async () => {
    const auth = { username: "alice", password: "right" };
    await using hosted = await startRegistry({ auth });
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: "passthrough" },
      proxy: proxy.url,
    });
    const layer = proxy.addBlob("app", "layer");

    const put = await fetchRaw(router.url, "/v2/app/manifests/1", {
      method: "PUT",
      headers: { Authorization: `Basic ${Buffer.from("alice:right").toString("base64")}` },
      body: manifestOf(layer),
    });

    expect([put.status, hosted.hasBlob("app", layer.digest)]).toEqual([201, true]);
    expect(proxy.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  it("uploads the blob in chunks where the proxy sends no length", async () => {
    const content = "as long as it is";
    const digest = digestOf(content);
    await using hosted = await startRegistry();
    const chunked = createServer((_, response) => {
      response.write(content.slice(0, 5));
      response.end(content.slice(5));
    });
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: `http://127.0.0.1:${await listen(chunked)}`,
    });

    const put = await putManifest(router, "app", "1", manifestOf({ digest, size: content.length }));

    expect([put.status, hosted.hasBlob("app", digest)]).toEqual([201, true]);
    expect(asked(hosted, "PATCH")).toHaveLength(1);
    chunked.close();
  });
});

describe("pushing an index whose manifests a proxy has", () => {
  it("copies these first, each after its own blobs", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const image = proxy.addImage("app", { tag: "1", platforms: ["linux/amd64", "linux/arm64"] });
    const index = proxy.manifest("app", "1") ?? Buffer.alloc(0);

    const put = await putManifest(router, "app", "2", index, indexType);

    expect([put.status, put.headers["docker-content-digest"]]).toEqual([201, image.digest]);
    for (const { digest } of image.manifests) {
      expect(hosted.manifest("app", digest)).toEqual(proxy.manifest("app", digest));
    }
    const puts = hosted.requests.filter(({ method, status }) => method === "PUT" && status === 201);
    expect(puts.at(-1)?.path).toBe("/v2/app/manifests/2");
    const child = await fetchRaw(router.url, `/v2/app/manifests/${image.manifests[0]?.digest}`);
    expect(child.headers["x-combined-registry"]).toBe("hosted; found by location hint");
    expect(child.headers["content-type"]).toBe("application/vnd.oci.image.manifest.v1+json");
  });

  it("copies indexes in indexes, up to four deep", async () => {
    await using sides = await startSides();
    const { proxy, router } = sides;
    let inner = proxy.addImage("app");
    const pushNested = async () => {
      const outer = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [inner] });
      const put = await putManifest(router, "app", "1", outer, indexType);
      inner = { ...inner, ...proxy.addManifest("app", outer) };
      return put;
    };
    const deepEnough = [];
    for (let depth = 0; depth < 4; depth++) {
      deepEnough.push((await pushNested()).status);
    }
    await using empty = await startRegistry();
    router.handler.reload({ hosted: empty.url, proxy: proxy.url });

    const tooDeep = await pushNested();

    expect(deepEnough).toEqual([201, 201, 201, 201]);
    expect(tooDeep.status).toBe(400);
    expect(tooDeep.body.toString()).toContain("more than 4 nested indexes");
  });
});

describe("pushing a manifest that needs too much", () => {
  it.each([
    ["blobs", 5_001, "more than 5000 blobs"],
    ["manifests", 501, "more than 500 manifests"],
  ])("copies nothing: %s", async (key, count, sentence) => {
    await using sides = await startSides({ router: { rules: [{ match: "**", shadow: "allow" }] } });
    const parts = Array.from({ length: count }, (_, index) => ({ digest: digestOf(String(index)), size: 1 }));

    const put = await putManifest(sides.router, "app", "1", JSON.stringify({ [key]: parts, layers: parts }));

    expect([put.status, put.body.toString().includes(sentence)]).toEqual([400, true]);
    expect(sides.proxy.requests).toEqual([]);
  });
});

describe("a copy from a proxy that breaks off", () => {
  it("asks the proxy for the rest", async () => {
    await using sides = await startSides({ router: { rules: [{ match: "**", shadow: "allow" }] } });
    const { proxy, hosted, router } = sides;
    const layer = proxy.addBlob("app", Buffer.alloc(3_000_000, "x"));
    proxy.fault({ path: /blobs/, cutAt: 1_000_000, times: 1 });

    const put = await putManifest(router, "app", "1", manifestOf(layer));

    expect([put.status, hosted.hasBlob("app", layer.digest)]).toEqual([201, true]);
    expect(proxy.requests.map(({ headers }) => String(headers.range).replace(/\d+-/, "N-"))).toEqual([
      "undefined",
      "bytes=N-2999999",
    ]);
  });

  it("fails when the proxy breaks off repeatedly or stalls: the client gets the cause, hosted no manifest, and no upload stays open", async () => {
    await using sides = await startSides({
      router: {
        proxy: "http://127.0.0.1:1",
      },
    });
    const { proxy, hosted, router } = sides;
    router.handler.reload({ hosted: hosted.url, proxy: { url: proxy.url, timeouts: { idle: 100 } } });
    const layer = proxy.addBlob("app", Buffer.alloc(3_000_000, "x"));

    for (const fault of [{ cutAt: 10_000 }, { stallAt: 10_000 }] as const) {
      hosted.clearRequests();
      proxy.clearFaults();
      proxy.fault({ path: /blobs/, ...fault });
      const put = await within(10_000, "the answer", putManifest(router, "app", "1", manifestOf(layer)));

      expect([put.status, ...codesOf(put)]).toEqual([502, "UPSTREAM_FAILED"]);
      expect(put.body.toString()).toMatch(/could not be copied to hosted: proxy broke off at byte \d+/);
      expect(asked(hosted, "PUT").filter((path) => path.includes("/manifests/"))).toEqual([]);
      await until(2_000, "hosted is told to forget the upload", () => asked(hosted, "DELETE").length === 1);
      await until(2_000, "nothing is under way", () => proxy.openResponses + hosted.openResponses === 0);
    }
    expect(hosted.hasBlob("app", layer.digest)).toBe(false);
  });
});

describe("a copy that fails", () => {
  it("because of a wrong digest leaves nothing at hosted", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const layer = proxy.addBlob("app", "x".repeat(1_000_000));
    proxy.fault({ path: /blobs/, status: 200, body: "y".repeat(1_000_000) });

    const put = await putManifest(router, "app", "1", manifestOf(layer));

    expect([put.status, ...codesOf(put)]).toEqual([502, "UPSTREAM_FAILED"]);
    expect(put.body.toString()).toContain(`the content that was sent does not match ${layer.digest}`);
    const uploads = hosted.requests.filter(({ method, path }) => method === "PUT" && /uploads/.test(path));
    expect(uploads.map(({ bodyBytes }) => bodyBytes < 1_000_000)).toEqual([true]);
    expect(hosted.hasBlob("app", layer.digest)).toBe(false);
    await until(2_000, "hosted is told to forget the upload", () => asked(hosted, "DELETE").length === 1);
  });

  it("because of a wrong length sends nothing to hosted", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const layer = proxy.addBlob("app", "layer");

    const put = await putManifest(router, "app", "1", manifestOf({ ...layer, size: 6 }));

    expect(put.body.toString()).toContain(`proxy has 5 bytes for ${layer.digest}, the manifest says 6`);
    expect(asked(hosted, "POST")).toEqual([]);
  });

  it("because no registry has the blob gives hosted's error with that cause", async () => {
    await using sides = await startSides();
    const digest = digestOf("nowhere");

    const put = await putManifest(sides.router, "app", "1", manifestOf({ digest, size: 7 }));

    expect([put.status, ...codesOf(put)]).toEqual([400, "MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"]);
    expect(JSON.parse(put.body.toString()).errors).toMatchObject([
      { detail: digest },
      { message: `not copied from proxies: blobs/${digest} of app: proxy not found` },
    ]);
  });

  it("because hosted refuses the upload gives that cause, stops reading from the proxy, and is logged", async () => {
    const logged: object[] = [];
    const log = (fields: object) => void logged.push(fields);
    await using sides = await startSides({
      router: { logger: { debug: log, info: log, warn: log, error: log } },
    });
    const { proxy, hosted, router } = sides;
    const layer = proxy.addGeneratedBlob("app", { size: 64 * 1024 * 1024, seed: 1 });
    hosted.fault({ method: "PUT", path: /uploads/, status: 507 });

    const put = await putManifest(router, "app", "1", manifestOf(layer));

    expect(put.status).toBe(502);
    expect(put.body.toString()).toContain(`upload of ${layer.digest}: hosted failed (answered 507)`);
    await until(2_000, "the proxy's answer is given up", () => proxy.openResponses === 0);
    await until(2_000, "it is logged", () => logged.some((fields) => Reflect.has(fields, "cause")));
  });

  it("of a child manifest with a wrong digest puts no child manifest at hosted", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    proxy.addImage("app", { tag: "1", platforms: ["linux/amd64", "linux/arm64"] });
    const index = proxy.manifest("app", "1") ?? Buffer.alloc(0);
    proxy.fault({ path: /manifests/, status: 200, body: "{}" });

    const put = await putManifest(router, "app", "2", index, indexType);

    expect([put.status, ...codesOf(put)]).toEqual([502, "UPSTREAM_FAILED"]);
    expect(asked(hosted, "PUT")).toEqual([]);
  });

  it("does not count as a failure of hosted, which is asked again", async () => {
    await using sides = await startSides({ router: { proxy: "http://127.0.0.1:1" } });
    const { proxy, hosted, router } = sides;
    router.handler.reload({ hosted: { url: hosted.url, breaker: { failures: 1 } }, proxy: proxy.url });
    const layer = proxy.addBlob("app", "what was meant");
    proxy.fault({ path: /blobs/, status: 200, body: "something else" });

    await putManifest(router, "app", "1", manifestOf(layer));

    expect((await router.handler.health()).upstreams[0]?.breaker).toBe("closed");
  });
});

describe("nothing is copied", () => {
  it.each([
    ["if it is switched off", { copy: false, rules: [{ match: "**", shadow: "allow" as const }] }],
    ["if no proxy is named by the rule", { rules: [{ match: "app", pull: ["hosted"] }] }],
  ])("%s: the client gets hosted's error unchanged", async (_, config) => {
    await using sides = await startSides({ router: config });
    const { proxy, hosted, router } = sides;
    const manifest = manifestOf(proxy.addBlob("app", "layer"));
    const direct = await putManifest(hosted, "app", "1", manifest);

    const put = await putManifest(router, "app", "1", manifest);

    expect([put.status, put.body.toString()]).toEqual([direct.status, direct.body.toString()]);
    expect(proxy.requests).toEqual([]);
    expect(asked(hosted, "HEAD")).toEqual([]);
  });

  it.each([
    ["is another one", 400, { errors: [{ code: "NAME_INVALID" }] }],
    ["is about the size", 413, "no"],
    ["is a denial", 403, "no"],
  ])("once more when hosted's error %s", async (_, status, body) => {
    await using sides = await startSides({ router: { rules: [{ match: "**", shadow: "allow" }] } });
    const { proxy, hosted, router } = sides;
    hosted.fault({ method: "PUT", path: /manifests/, status, body });

    const put = await putManifest(router, "app", "1", manifestOf(proxy.addBlob("app", "layer")));

    expect([put.status, proxy.requests.length]).toEqual([status, 1]);
    expect(asked(hosted, "PUT").filter((path) => path.includes("/manifests/"))).toHaveLength(1);
  });

  it.each([
    [402, 403, "DENIED"],
    [403, 403, "DENIED"],
    [413, 413, "SIZE_INVALID"],
    [429, 429, "TOOMANYREQUESTS"],
    [400, 502, "UPSTREAM_FAILED"],
    [507, 502, "UPSTREAM_FAILED"],
  ])("when hosted answers the copy with %d, and the client gets %d", async (status, told, code) => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    hosted.fault({ method: "POST", path: /uploads/, status, body: "no" });

    const put = await putManifest(router, "app", "1", manifestOf(proxy.addBlob("app", "layer")));

    expect([put.status, ...codesOf(put)]).toEqual([told, code]);
    expect(put.body.toString()).toContain("not pushed");
    expect(asked(hosted, "PUT")).toEqual([]);
  });

  it("for foreign layers, which have URLs of their own", async () => {
    await using sides = await startSides();
    const { hosted, router } = sides;
    const layer = { digest: digestOf("foreign"), size: 7, urls: ["http://example.com/foreign"] };

    const put = await putManifest(router, "app", "1", manifestOf(hosted.addBlob("app", "{}"), layer));

    expect(put.status).toBe(201);
  });

  it.each(["BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "MANIFEST_INVALID"])(
    "unless hosted answers 404 with %s",
    async (code) => {
      await using sides = await startSides();
      const { proxy, hosted, router } = sides;
      const layer = proxy.addBlob("app", "layer");
      hosted.fault({ method: "PUT", path: /manifests/, status: 404, body: { errors: [{ code }] }, times: 1 });

      const put = await putManifest(router, "app", "1", manifestOf(layer));

      expect([put.status, hosted.hasBlob("app", layer.digest)]).toEqual([201, true]);
    },
  );
});

describe("pushing a manifest", () => {
  it("of more than 4 MiB is refused without a request to hosted, with or without Content-Length", async () => {
    await using sides = await startSides();
    const body = Buffer.alloc(4 * 1024 * 1024 + 1, " ");

    const told = await putManifest(sides.router, "app", "1", body);
    const inChunks = await fetchRaw(sides.router.url, "/v2/app/manifests/1", {
      method: "PUT",
      headers: { "Transfer-Encoding": "chunked" },
      body,
    });

    expect([told.status, ...codesOf(told)]).toEqual([413, "SIZE_INVALID"]);
    expect([inChunks.status, ...codesOf(inChunks)]).toEqual([413, "SIZE_INVALID"]);
    expect(sides.hosted.requests).toEqual([]);
  });

  it("of 4 MiB reaches hosted unchanged", async () => {
    await using sides = await startSides();
    const manifest = JSON.stringify({ schemaVersion: 2, config: undefined }).padEnd(4 * 1024 * 1024);

    const put = await putManifest(sides.router, "app", "1", manifest);

    expect([put.status, put.headers["docker-content-digest"]]).toEqual([201, digestOf(manifest)]);
  });
});

async function metricsOf(url: string): Promise<Record<string, number>> {
  const { body } = await fetchRaw(url, "/metrics");
  const lines = [...body.toString().matchAll(/^(combined_registry_copied\S+) (\d+)$/gm)];
  return Object.fromEntries(lines.map(([, name, value]) => [name, Number(value)]));
}
