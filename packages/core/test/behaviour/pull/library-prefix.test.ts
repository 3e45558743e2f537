import type { RegistryOptions } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";

async function startWithLibrary(registry: RegistryOptions = {}) {
  const sides = await startSides({ proxies: { hub: { libraryPrefix: true, registry } } });
  const { hosted, proxy: hub } = sides;
  const image = hub.addImage("library/nginx", { tag: "1.0", layers: ["a public layer"] });
  hub.addImage("library/nginx", { tag: "2.0", layers: ["another"] });
  hosted.addImage("nginx", { tag: "ours", layers: ["private"] });
  return { ...sides, hub, image };
}

describe("a proxy with libraryPrefix", () => {
  it("is asked for library/nginx when the client names nginx, in every kind of request", async () => {
    await using sides = await startWithLibrary();
    const { router, hub, image } = sides;
    const layer = image.layers[0]?.digest;

    for (const rest of [`manifests/${image.digest}`, `manifests/1.0`, `blobs/${layer}`]) {
      expect((await fetchRaw(router.url, `/v2/nginx/${rest}`)).headers["x-combined-registry"]).toMatch(
        /^hub; /,
      );
      expect(hub.requests.at(-1)?.url).toBe(`/v2/library/nginx/${rest}`);
    }
    await fetchRaw(router.url, `/v2/nginx/referrers/${image.digest}?artifactType=x`);
    expect(hub.requests.at(-1)?.url).toBe(`/v2/library/nginx/referrers/${image.digest}?artifactType=x`);
  });

  it.each(["library/nginx", "org/nginx", "library/a/b"])("is asked for %s as it is", async (name) => {
    await using sides = await startWithLibrary();

    await fetchRaw(sides.router.url, `/v2/${name}/manifests/1.0`);

    expect(sides.hub.requests.map(({ url }) => url)).toEqual([`/v2/${name}/manifests/1.0`]);
  });

  it("leaves hosted's own nginx reachable under its own name", async () => {
    await using sides = await startWithLibrary();
    const { router, hosted, hub } = sides;

    const answer = await fetchRaw(router.url, "/v2/nginx/manifests/ours");
    await fetchRaw(router.url, "/v2/nginx/blobs/uploads/", { method: "POST" });

    expect(answer.headers["x-combined-registry"]).toBe("hosted; found; hub not found");
    expect(hosted.requests.map(({ url }) => url)).toEqual([
      "/v2/nginx/manifests/ours",
      "/v2/nginx/blobs/uploads/",
    ]);
    expect(hub.requests).toHaveLength(1);
  });

  it("gives out tokens for library/nginx", async () => {
    await using sides = await startWithLibrary({ tokens: {} });
    const { router, hub } = sides;

    expect((await fetchRaw(router.url, "/v2/nginx/manifests/1.0")).status).toBe(200);

    const scopes = hub.requests
      .filter(({ path }) => path === "/token")
      .map(({ url }) => new URL(url, hub.url).searchParams.getAll("scope"));
    expect(scopes).toEqual([["repository:library/nginx:pull"]]);
  });

  it("has Link headers with the name that the client uses", async () => {
    await using sides = await startWithLibrary();
    const { hub } = sides;
    await using alone = await startRouter({
      hosted: `${hub.url}/nothing`,
      proxy: { url: hub.url, libraryPrefix: true },
    });

    const page = await fetchRaw(alone.url, "/v2/nginx/tags/list?n=1");

    expect(page.headers.link).toBe('</v2/nginx/tags/list?last=1.0&n=1>; rel="next"');
  });

  it.each(["nginx", "library/nginx"])("follows redirects to its own library/nginx for %s", async (name) => {
    await using sides = await startWithLibrary();
    const { router, hub, image } = sides;
    const target = `/v2/library/nginx/blobs/${image.config.digest}`;
    hub.fault({ times: 1, status: 307, headers: { Location: `${hub.url}${target}?again` } });

    const answer = await fetchRaw(router.url, `/v2/${name}/blobs/${image.config.digest}`);

    expect([answer.status, answer.headers.location]).toEqual([200, undefined]);
    expect(hub.requests.map(({ url }) => url)).toEqual([target, `${target}?again`]);
  });

  it("is the location hint of nginx, and not of library/nginx", async () => {
    await using sides = await startWithLibrary();
    const { router, hosted, image } = sides;
    const inner = hosted.addImage("nginx", { tag: "mine", layers: ["inner"] });
    const blob = `/v2/nginx/blobs/${inner.layers[0]?.digest}`;
    await fetchRaw(router.url, "/v2/nginx/manifests/mine");

    expect((await fetchRaw(router.url, blob)).headers["x-combined-registry"]).toBe(
      "hosted; found by location hint",
    );
    await fetchRaw(router.url, "/v2/nginx/manifests/1.0");
    expect(
      (await fetchRaw(router.url, `/v2/nginx/blobs/${image.config.digest}`)).headers["x-combined-registry"],
    ).toBe("hub; found by location hint");
  });

  it("resumes a blob that broke off, under the proxy's name", async () => {
    await using sides = await startWithLibrary();
    const { router, hub, image } = sides;
    const digest = image.layers[0]?.digest;
    hub.fault({ method: "GET", path: `/v2/library/nginx/blobs/${digest}`, cutAt: 7, times: 1 });

    const answer = await fetchRaw(router.url, `/v2/nginx/blobs/${digest}`);

    expect(answer.complete).toBe(true);
    expect(hub.requests.map(({ path, headers }) => [path, headers.range])).toEqual([
      [`/v2/library/nginx/blobs/${digest}`, undefined],
      [`/v2/library/nginx/blobs/${digest}`, expect.stringMatching(/^bytes=7-/)],
    ]);
  });
});
