import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { asked, digestOf, manifestOf, manifestType, putManifest } from "../../support/push.ts";
import { startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

const quiet = { rules: [{ match: "**", shadow: "allow" as const }] };
const decision = "x-combined-registry";
const cached = "proxy; cached";
const accept = { headers: { Accept: manifestType } };

/** A router whose proxy has an image that was pulled once. */
async function startPulled(config: object = {}) {
  const sides = await startSides({ router: { ...quiet, ...config } });
  const image = sides.proxy.addImage("library/tool", { tag: "1.0" });
  const byDigest = `/v2/library/tool/manifests/${image.digest}`;
  const first = await fetchRaw(sides.router.url, byDigest, accept);
  sides.proxy.clearRequests();
  return { ...sides, byDigest, first, digest: image.digest };
}

describe("a cached manifest", () => {
  it("is served by its digest with the same entity headers, and no upstream is asked", async () => {
    await using sides = await startPulled();
    const { proxy, hosted, router, byDigest, first, digest } = sides;

    const second = await fetchRaw(router.url, byDigest, accept);

    expect([second.status, digestOf(second.body), second.headers[decision]]).toEqual([200, digest, cached]);
    const about = ({ headers }: typeof first) => ({ ...headers, date: undefined, [decision]: undefined });
    expect(about(second)).toEqual(about(first));
    expect([...proxy.requests, ...hosted.requests]).toEqual([]);
  });

  it("is served by its digest after a pull by tag, and the tag itself is requested every time", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, router } = sides;
    const { digest } = proxy.addImage("library/tool", { tag: "1.0" });
    const tag = "/v2/library/tool/manifests/1.0";
    await fetchRaw(router.url, tag);

    const byDigest = await fetchRaw(router.url, `/v2/library/tool/manifests/${digest}`);
    await fetchRaw(router.url, tag);

    expect([byDigest.status, byDigest.headers[decision]]).toEqual([200, cached]);
    expect(asked(proxy, "GET")).toEqual(Array(2).fill("library/tool/manifests/1.0"));
  });

  it("is requested for every HEAD, because pushing clients skip what a HEAD finds", async () => {
    await using sides = await startPulled();
    const { proxy, router, byDigest } = sides;

    const head = await fetchRaw(router.url, byDigest, { ...accept, method: "HEAD" });

    expect([head.status, head.headers[decision]]).toEqual([200, "proxy; found; hosted not found"]);
    expect(asked(proxy, "HEAD")).toHaveLength(1);
  });

  it.each<[string, Record<string, string>, string, boolean]>([
    ["names its type among others", { Accept: `x/y;q=0.5, ${manifestType};q=0.1` }, "", true],
    ["names it in a header of its own", { Accept: `${manifestType}` }, "", true],
    ["does not name its type", { Accept: "application/vnd.oci.image.index.v1+json" }, "", false],
    ["does not want its type", { Accept: `${manifestType};q=0` }, "", false],
    ["accepts anything", { Accept: "*/*" }, "", false],
    ["says nothing of types", {}, "", false],
    ["has a credential of its own", { Accept: manifestType, "PRIVATE-TOKEN": "x" }, "", false],
    ["wants a part", { Accept: manifestType, Range: "bytes=0-3" }, "", false],
    ["has another query", { Accept: manifestType }, "?x=1", false],
  ])(
    "is served to a client that %s only where the response would be the same",
    async (_, headers, search, isServed) => {
      await using sides = await startPulled();
      const { proxy, router, byDigest } = sides;

      const { status } = await fetchRaw(router.url, `${byDigest}${search}`, { headers });

      expect(status).toBeLessThan(300);
      expect(proxy.requests).toHaveLength(isServed ? 0 : 1);
    },
  );

  it("is served for the same query as before: mirrors add a query to every request", async () => {
    await using sides = await startPulled();
    const { proxy, router, byDigest } = sides;

    for (let round = 0; round < 3; round += 1) {
      await fetchRaw(router.url, `${byDigest}?ns=docker.io`, accept);
    }

    expect(proxy.requests).toHaveLength(1);
  });

  it("is no longer served after it is deleted through the router, by digest or by a tag", async () => {
    for (const reference of ["digest", "tag"]) {
      await using sides = await startSides({ router: quiet });
      const { hosted, router } = sides;
      const layer = hosted.addBlob("team/app", "x");
      const manifest = manifestOf(layer);
      const digest = digestOf(manifest);
      await putManifest(router, "team/app", "1.0", manifest);
      const path = `/v2/team/app/manifests/${digest}`;
      await fetchRaw(router.url, path);
      expect((await fetchRaw(router.url, path)).headers[decision]).toBe("hosted; cached");
      hosted.clearRequests();

      const deleted = reference === "digest" ? path : "/v2/team/app/manifests/1.0";
      expect((await fetchRaw(router.url, deleted, { method: "DELETE" })).status).toBe(202);
      const after = await fetchRaw(router.url, path);

      expect(after.headers[decision]).not.toContain("cached");
      expect([reference, after.status]).toEqual([
        reference,
        hosted.hasManifest("team/app", digest) ? 200 : 404,
      ]);
    }
  });

  it("is not served from a proxy after hosted has got the repository", async () => {
    await using sides = await startPulled({ rules: [{ match: "library/**", owned: true, shadow: "allow" }] });
    const { proxy, router, byDigest } = sides;
    expect((await fetchRaw(router.url, byDigest, accept)).headers[decision]).toBe(cached);

    await putManifest(router, "library/tool", "mine", JSON.stringify({ schemaVersion: 2 }));
    proxy.clearRequests();
    const after = await fetchRaw(router.url, byDigest, accept);

    expect([after.status, proxy.requests]).toEqual([404, []]);
  });

  it("is not served from a proxy that the changed rules no longer name", async () => {
    await using sides = await startPulled();
    const { proxy, hosted, router, byDigest } = sides;
    const rules = [{ match: "library/**", pull: ["hosted"] }];

    router.handler.reload({ hosted: hosted.url, proxy: proxy.url, rules });

    expect((await fetchRaw(router.url, byDigest, accept)).status).toBe(404);
    expect(proxy.requests).toEqual([]);
  });

  it("is served while its proxy is down", async () => {
    await using sides = await startPulled();
    const { proxy, router, byDigest, digest } = sides;
    await proxy.close();

    const again = await fetchRaw(router.url, byDigest, accept);

    expect([again.status, digestOf(again.body)]).toEqual([200, digest]);
  });

  it("is requested every time where the cache is switched off", async () => {
    await using sides = await startPulled({ memory: { manifestBytes: 0 } });
    const { proxy, router, byDigest } = sides;

    await fetchRaw(router.url, byDigest, accept);

    expect(proxy.requests).toHaveLength(1);
  });

  it("is evicted when the cache has too many bytes", async () => {
    await using sides = await startSides({ router: { ...quiet, memory: { manifestBytes: 20_000 } } });
    const { proxy, router } = sides;
    const paths = Array.from({ length: 10 }, (_, index) => {
      const { digest } = proxy.addManifest("many", {
        schemaVersion: 2,
        annotations: { a: `${index}`.repeat(4_000) },
      });
      return `/v2/many/manifests/${digest}`;
    });
    for (const path of paths) {
      await fetchRaw(router.url, path);
    }
    proxy.clearRequests();

    for (const path of paths.toReversed()) {
      await fetchRaw(router.url, path);
    }

    // Three of some 5,000 bytes each fit in: the last three that were served are still there.
    expect(asked(proxy, "GET").map((path) => `/v2/${path}`)).toEqual(paths.toReversed().slice(3));
  });

  it("is a failure of its upstream if its digest is wrong, and not cached", async () => {
    const digest = digestOf("something else");
    await using liar = await startRegistry();
    liar.addImage("library/tool", { tag: "1.0" });
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: liar.url, ...quiet });
    liar.fault({ status: 200, body: '{"layers":[]}' });

    const first = await fetchRaw(router.url, `/v2/library/tool/manifests/${digest}`);
    const second = await fetchRaw(router.url, `/v2/library/tool/manifests/${digest}`);

    for (const answer of [first, second]) {
      expect([answer.status, errorOf(answer).message]).toEqual([
        502,
        "proxy failed (sent a manifest that does not match its digest), hosted not found",
      ]);
    }
    expect(liar.requests).toHaveLength(2);
  });
});

describe("a push or delete that began before a reload", () => {
  it("invalidates the cache of the new configuration", async () => {
    await using sides = await startSides({ router: quiet });
    const { proxy, hosted, router } = sides;
    const { digest } = hosted.addImage("team/app", { tag: "1.0" });
    const path = `/v2/team/app/manifests/${digest}`;
    const held = hosted.fault({ method: "DELETE", delay: 300 });
    const deleting = fetchRaw(router.url, path, { method: "DELETE" });
    await until(5_000, "the delete to be at hosted", () => held.hits === 1);

    router.handler.reload({ hosted: hosted.url, proxy: proxy.url, ...quiet, memory: { ttl: 1_000_000 } });
    expect((await fetchRaw(router.url, path)).status).toBe(200);
    expect((await deleting).status).toBe(202);

    expect((await fetchRaw(router.url, path)).status).toBe(404);
  });
});
