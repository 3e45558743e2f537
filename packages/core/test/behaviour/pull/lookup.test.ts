import type { CombinedRegistryConfig } from "@combined-registry/core";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";

const unknownDigest = `sha256:${"0".repeat(64)}`;

/** A public registry, its cache, and a hosted registry, with an image in each. */
async function startWithCache(config: Partial<CombinedRegistryConfig> = {}) {
  const publicRegistry = await startRegistry();
  // Checks for shadowed tags are requests of the router's own: these tests count those for clients.
  const sides = await startSides({
    proxies: { proxy: { registry: { upstream: publicRegistry.url } } },
    router: { rules: [{ match: "**", shadow: "allow" }], ...config },
  });
  return {
    ...sides,
    publicRegistry,
    cache: sides.proxy,
    image: publicRegistry.addImage("library/hello", { tag: "1.0", layers: ["public layer"] }),
    own: sides.hosted.addImage("team/app", { tag: "1.0", layers: ["private layer"] }),
    async [Symbol.asyncDispose]() {
      await sides[Symbol.asyncDispose]();
      await publicRegistry.close();
    },
  };
}

function asked(registry: TestRegistry): string[] {
  return registry.requests.map(({ method, url }) => `${method} ${url}`);
}

describe("a lookup", () => {
  it("asks the cache once for each manifest and blob of a public pull, and hosted never", async () => {
    await using sides = await startWithCache();
    const { router, cache, hosted, image } = sides;
    const targets = [
      "/v2/library/hello/manifests/1.0",
      `/v2/library/hello/manifests/${image.digest}`,
      ...[image.config, ...image.layers].map(({ digest }) => `/v2/library/hello/blobs/${digest}`),
    ];

    for (const target of targets) {
      expect((await fetchRaw(router.url, target)).status).toBe(200);
    }

    // What a tag stands for has been served by then.
    const things = targets.filter((target) => !target.endsWith(`/manifests/${image.digest}`));
    expect(asked(cache)).toEqual(things.map((target) => `GET ${target}`));
    expect(hosted.requests).toEqual([]);
  });

  it("forwards method, Accept, Range, conditions and query, byte for byte", async () => {
    await using sides = await startWithCache();
    const headers = {
      Accept: "application/vnd.oci.image.index.v1+json, */*;q=0.1",
      Range: "bytes=0-3",
      "If-None-Match": '"x"',
    };

    await fetchRaw(sides.router.url, `/v2/library/hello/blobs/${sides.image.config.digest}?a=%2F&b=c%20d`, {
      headers,
    });

    expect(asked(sides.cache)).toEqual([
      `GET /v2/library/hello/blobs/${sides.image.config.digest}?a=%2F&b=c%20d`,
    ]);
    expect(sides.cache.requests[0]?.headers).toMatchObject({
      accept: headers.Accept,
      range: headers.Range,
      "if-none-match": headers["If-None-Match"],
    });
  });

  it("answers HEAD with the length and without the body", async () => {
    await using sides = await startWithCache();

    const answer = await fetchRaw(sides.router.url, "/v2/team/app/manifests/1.0", { method: "HEAD" });

    expect(answer.status).toBe(200);
    expect(answer.headers["content-length"]).toBe(String(sides.own.size));
    expect(answer.headers["docker-content-digest"]).toBe(sides.own.digest);
    expect(answer.body).toHaveLength(0);
  });

  it("asks hosted next where the cache answers 404, and for digests where it answers distribution's 500", async () => {
    await using sides = await startWithCache();
    const { router, own } = sides;

    const byTag = await fetchRaw(router.url, "/v2/team/app/manifests/1.0");
    const fresh = await startRouter({ hosted: sides.hosted.url, proxy: sides.cache.url });
    const byDigest = await fetchRaw(fresh.url, `/v2/team/app/manifests/${own.digest}`);
    await fresh[Symbol.asyncDispose]();

    expect([byTag.status, byDigest.status]).toEqual([200, 200]);
    expect(byDigest.headers["x-combined-registry"]).toBe("hosted; found; proxy not found");
    expect(byDigest.body.equals(byTag.body)).toBe(true);
  });

  it("relays hosted's own 404 when every upstream answered not found", async () => {
    await using sides = await startWithCache();

    const answer = await fetchRaw(sides.router.url, "/v2/nobody/has/manifests/it");

    const own = await fetchRaw(sides.hosted.url, "/v2/nobody/has/manifests/it");
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toBe(own.body.toString());
    expect(answer.headers["x-combined-registry"]).toBe("hosted; proxy not found, hosted not found");
  });
});

describe("several proxies", () => {
  it("are asked in order, and after a failing one the next is asked", async () => {
    await using first = await startRegistry();
    await using second = await startRegistry();
    await using hosted = await startRegistry();
    for (const tag of ["1", "2"]) {
      second.addImage("both", { tag, layers: ["second"] });
    }
    hosted.addImage("both", { tag: "1", layers: ["hosted"] });
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: [
        { name: "first", url: first.url },
        { name: "second", url: second.url },
      ],
      rules: [{ match: "**", shadow: "allow" }],
    });

    const absent = await fetchRaw(router.url, "/v2/both/manifests/1");
    using _broken = { [Symbol.dispose]: first.fault({ status: 500 }).remove };
    const failed = await fetchRaw(router.url, "/v2/both/manifests/2");

    expect(absent.headers["x-combined-registry"]).toBe("second; found; first not found");
    expect(failed.headers["x-combined-registry"]).toBe("second; found; first failed (answered 500)");
    expect(hosted.requests).toEqual([]);
  });
});

describe("a lookup by digest", () => {
  it("asks the upstream that served the manifest first for its layers", async () => {
    await using sides = await startWithCache();
    const { router, cache, own } = sides;
    await fetchRaw(router.url, "/v2/team/app/manifests/1.0");
    cache.clearRequests();

    const manifest = await fetchRaw(router.url, `/v2/team/app/manifests/${own.digest}`);
    const layer = await fetchRaw(router.url, `/v2/team/app/blobs/${own.layers[0]?.digest}`);

    expect([manifest.status, layer.status]).toEqual([200, 200]);
    expect(layer.headers["x-combined-registry"]).toBe("hosted; found by location hint");
    expect(cache.requests).toEqual([]);
  });

  it("finds a blob elsewhere when the upstream of the location hint no longer has it", async () => {
    await using sides = await startWithCache();
    const { router, hosted, publicRegistry } = sides;
    const shared = publicRegistry.addBlob("team/app", "only the public side has this");
    await fetchRaw(router.url, "/v2/team/app/manifests/1.0");
    hosted.clearRequests();

    const layer = await fetchRaw(router.url, `/v2/team/app/blobs/${shared.digest}`);

    expect(layer.body.toString()).toBe("only the public side has this");
    expect(layer.headers["x-combined-registry"]).toBe("proxy; found; hosted not found");
    expect(asked(hosted)).toHaveLength(1);
  });

  it("does not apply location hints to tags", async () => {
    await using sides = await startWithCache({ memory: { absentTtl: 0 } });
    const { router, publicRegistry, own } = sides;
    await fetchRaw(router.url, "/v2/team/app/manifests/1.0");
    const shadow = publicRegistry.addImage("team/app", {
      tag: "1.0",
      layers: ["a public image of that name"],
    });

    const answer = await fetchRaw(router.url, "/v2/team/app/manifests/1.0");

    expect(answer.headers["docker-content-digest"]).toBe(shadow.digest);
    expect(shadow.digest).not.toBe(own.digest);
  });

  it("asks hosted first for a HEAD of a blob, which pushing clients send", async () => {
    await using sides = await startWithCache();
    const { router, cache, own, image } = sides;

    const there = await fetchRaw(router.url, `/v2/team/app/blobs/${own.layers[0]?.digest}`, {
      method: "HEAD",
    });
    expect(cache.requests).toEqual([]);
    const publicOne = await fetchRaw(router.url, `/v2/library/hello/blobs/${image.layers[0]?.digest}`, {
      method: "HEAD",
    });

    expect(there.headers["x-combined-registry"]).toBe("hosted; found");
    expect(publicOne.headers["x-combined-registry"]).toBe("proxy; found; hosted not found");
  });
});

describe("hosted's own error", () => {
  it("is relayed unchanged", async () => {
    await using sides = await startWithCache();
    sides.hosted.fault({
      status: 400,
      body: { errors: [{ code: "MANIFEST_INVALID", message: "no" }] },
      headers: { "OCI-Own": "1" },
    });

    const answer = await fetchRaw(sides.router.url, "/v2/nobody/has/manifests/it");

    expect(answer.status).toBe(400);
    expect(errorOf(answer).code).toBe("MANIFEST_INVALID");
    expect(answer.headers["oci-own"]).toBe("1");
  });

  it("is not relayed where it refuses the router's own credentials", async () => {
    await using publicRegistry = await startRegistry();
    await using hosted = await startRegistry({ auth: { username: "router", password: "right" } });
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: { username: "router", password: "wrong" } },
      proxy: publicRegistry.url,
    });

    const answer = await fetchRaw(router.url, `/v2/a/manifests/${unknownDigest}`);

    expect(answer.status).toBe(502);
    expect(answer.headers["www-authenticate"]).toBeUndefined();
    expect(errorOf(answer)).toMatchObject({
      code: "UPSTREAM_FAILED",
      message: "proxy not found, hosted failed (refused the router's credentials (401))",
    });
  });
});
