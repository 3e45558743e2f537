import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { asked, manifestOf, manifestType, putManifest } from "../../support/push.ts";
import { startSides } from "../../support/sides.ts";

// Checks for shadowed tags are requests of the router's own.
const quiet = { rules: [{ match: "**", shadow: "allow" as const }] };
const tag = "/v2/team/app/manifests/1.0";
const decision = "x-combined-registry";

describe("a tag that a proxy has just answered not found for", () => {
  it.each(["GET", "HEAD"])("is asked of hosted alone, after a %s", async (method) => {
    await using sides = await startSides({ router: quiet });
    const { proxy, hosted, router } = sides;
    hosted.addImage("team/app", { tag: "1.0" });

    const first = await fetchRaw(router.url, tag, { method });
    const others = [await fetchRaw(router.url, tag), await fetchRaw(router.url, tag, { method: "HEAD" })];

    expect(first.headers[decision]).toBe("hosted; found; proxy not found");
    expect(others.map(({ status, headers }) => [status, headers[decision]])).toEqual(
      Array(2).fill([200, "hosted; found; proxy not found (cached)"]),
    );
    expect(proxy.requests).toHaveLength(1);
    expect((await fetchRaw(router.url, "/metrics")).body.toString()).toContain(
      'combined_registry_cache_hits_total{cache="negative"} 2',
    );
  });

  it("is answered the same way where no upstream has it", async () => {
    await using sides = await startSides({ router: quiet });
    const { router } = sides;

    const [first, second] = [await fetchRaw(router.url, tag), await fetchRaw(router.url, tag)];

    expect([second.status, second.body.toString()]).toEqual([first.status, first.body.toString()]);
    expect([second.status, errorOf(second).code]).toEqual([404, "MANIFEST_UNKNOWN"]);
  });

  it("is requested again with another Accept header: one may find what the other does not", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, router } = sides;
    const accepts = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"];

    for (const Accept of [...accepts, ...accepts]) {
      await fetchRaw(router.url, tag, { headers: { Accept } });
    }
    await fetchRaw(router.url, `${tag}?ns=elsewhere.example`);

    expect(proxy.requests.map(({ headers }) => headers.accept)).toEqual([...accepts, undefined]);
  });

  it("is requested again for a client with a header that may identify it to the proxy", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, router } = sides;
    await fetchRaw(router.url, tag);

    await fetchRaw(router.url, tag, { headers: { "X-JFrog-Art-Api": "key" } });
    await fetchRaw(router.url, tag, { headers: { "Cache-Control": "no-cache" } });

    expect(proxy.requests).toHaveLength(3);
  });

  it("is requested again after a request whose client removed the Accept header", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, router } = sides;
    const headers = { Accept: manifestType };
    await fetchRaw(router.url, tag, { headers: { ...headers, Connection: "close, Accept" } });

    await fetchRaw(router.url, tag, { headers });

    expect(proxy.requests.map((one) => one.headers.accept)).toEqual([undefined, manifestType]);
  });

  it.each([
    [405, 2],
    [404, 1],
  ])(
    "is requested by GET after a HEAD that was answered %d if that status may concern HEAD alone",
    async (status, times) => {
      await using sides = await startSides({ router: quiet });
      const { proxy, router } = sides;
      proxy.fault({ method: "HEAD", status });

      for (const method of ["HEAD", "HEAD", "GET"]) {
        await fetchRaw(router.url, tag, { method });
      }

      expect(proxy.requests).toHaveLength(times);
    },
  );

  it.each([500, 429, 503])("is asked again if the proxy failed (%d), not said so", async (status) => {
    await using sides = await startSides({ router: quiet });
    const { proxy, hosted, router } = sides;
    hosted.addImage("team/app", { tag: "1.0" });
    using _failing = { [Symbol.dispose]: proxy.fault({ status }).remove };

    await fetchRaw(router.url, tag);
    await fetchRaw(router.url, tag);

    expect(proxy.requests).toHaveLength(2);
  });

  it("is requested again after a push through the router", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, router } = sides;
    await fetchRaw(router.url, tag);
    await fetchRaw(router.url, "/v2/team/app/manifests/2.0");

    await putManifest(router, "team/app", "1.0", JSON.stringify({ schemaVersion: 2 }));
    const pushed = await fetchRaw(router.url, tag);
    const other = await fetchRaw(router.url, "/v2/team/app/manifests/2.0");

    expect([pushed.status, pushed.headers[decision]]).toEqual([200, "hosted; found; proxy not found"]);
    expect([other.status, proxy.requests.length]).toEqual([404, 3]);
  });

  it("is requested from hosted every time", async () => {
    await using sides = await startSides({ router: { rules: [{ match: "**", pull: ["hosted"] }] } });
    const { hosted, router } = sides;

    expect((await fetchRaw(router.url, tag)).status).toBe(404);
    hosted.addImage("team/app", { tag: "1.0" });

    expect((await fetchRaw(router.url, tag)).status).toBe(200);
  });

  it("is requested every time where the negative cache is switched off", async () => {
    await using sides = await startSides({ router: { ...quiet, memory: { absentTtl: 0 } } });
    const { proxy, router } = sides;

    for (let round = 0; round < 3; round += 1) {
      await fetchRaw(router.url, tag);
    }

    expect(proxy.requests).toHaveLength(3);
  });

  it("does not keep requests by digest from the proxy", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, hosted, router } = sides;
    const image = hosted.addImage("team/app", { tag: "1.0" });
    await fetchRaw(router.url, tag, { method: "HEAD" });

    const byDigest = await fetchRaw(router.url, `/v2/team/app/manifests/${image.digest}`);

    expect(byDigest.status).toBe(200);
    expect(asked(proxy, "GET").concat(asked(proxy, "HEAD"))).not.toContain("nothing");
  });
});

describe("the location of digests", () => {
  it("is learned from a manifest by digest, although a HEAD has located the manifest before", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, hosted, router } = sides;
    const layer = hosted.addBlob("team/app", "a layer of hosted's");
    const { digest } = hosted.addManifest("team/app", manifestOf(layer), { tag: "1.0" });
    proxy.addImage("team/app", { tag: "public" });
    // As docker and containerd pull.
    await fetchRaw(router.url, tag, { method: "HEAD" });
    await fetchRaw(router.url, `/v2/team/app/manifests/${digest}`);
    await fetchRaw(router.url, "/v2/team/app/manifests/public");

    const blob = await fetchRaw(router.url, `/v2/team/app/blobs/${layer.digest}`);

    expect(blob.headers[decision]).toBe("hosted; found by location hint");
  });

  it("is learned from the manifest that names them", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, hosted, router } = sides;
    const layer = hosted.addBlob("team/app", "a layer of hosted's");
    hosted.addManifest("team/app", manifestOf(layer), { tag: "1.0" });
    const publicImage = proxy.addImage("team/app", { tag: "public" });
    await fetchRaw(router.url, tag);
    // The last that was served from this repository came from the proxy.
    await fetchRaw(router.url, "/v2/team/app/manifests/public");
    proxy.clearRequests();

    const blob = await fetchRaw(router.url, `/v2/team/app/blobs/${layer.digest}`);
    const other = await fetchRaw(router.url, `/v2/team/app/blobs/${publicImage.config.digest}`);

    expect([blob.headers[decision], other.headers[decision]]).toEqual([
      "hosted; found by location hint",
      "proxy; found by location hint",
    ]);
    expect(proxy.requests).toHaveLength(1);
  });

  it("is learned from an index for its manifests, and from pushes to hosted", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, hosted, router } = sides;
    const layer = hosted.addBlob("team/app", "a layer");
    const child = hosted.addManifest("team/app", manifestOf(layer));
    const index = JSON.stringify({ schemaVersion: 2, manifests: [{ ...child, mediaType: "x" }] });
    await putManifest(router, "team/app", "1.0", index, "application/vnd.oci.image.index.v1+json");
    proxy.addImage("team/app", { tag: "public" });
    await fetchRaw(router.url, "/v2/team/app/manifests/public");
    proxy.clearRequests();

    const served = await fetchRaw(router.url, `/v2/team/app/manifests/${child.digest}`);
    const blob = await fetchRaw(router.url, `/v2/team/app/blobs/${layer.digest}`);

    expect([served, blob].map(({ headers }) => headers[decision])).toEqual(
      Array(2).fill("hosted; found by location hint"),
    );
    expect(proxy.requests).toEqual([]);
  });
});
