import { type RegistryOptions, startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { valuesOf } from "../../../src/protocol/headers.ts";
import { fetchRaw } from "../../support/client.ts";
import { listAllPages, namesOf, shuffled } from "../../support/lists.ts";
import { startRouter } from "../../support/router.ts";

describe("a merged catalog", () => {
  async function registryOf(names: readonly string[], options: RegistryOptions = {}): Promise<TestRegistry> {
    const registry = await startRegistry(options);
    for (const name of names) {
      registry.addManifest(name, { schemaVersion: 2 });
    }
    return registry;
  }
  const catalogOrder = (names: readonly string[]) =>
    [...new Set(names)].sort((one, other) =>
      one.replaceAll("/", " ") < other.replaceAll("/", " ") ? -1 : 1,
    );
  const families = Array.from({ length: 400 }, (_, index) => {
    const name = `team${String(index).padStart(3, "0")}`;
    return [`${name}-tools`, `${name}/app`, `${name}.old`, name];
  }).flat();

  it.each(["sorted", "whole", "cursor"] as const)(
    "has every name once, below and beside one another, from members that list sorted and %s",
    async (lists) => {
      const [ours, theirs] = [families.slice(0, 1_300), families.slice(500)];
      await using hosted = await registryOf(ours);
      await using proxy = await registryOf(shuffled(theirs), { lists });
      await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

      for (const n of [45, 100, 1_000]) {
        const { names } = await listAllPages(router.url, `/v2/_catalog?n=${n}`, 200);
        expect(names).toEqual(catalogOrder(families));
      }
    },
    120_000,
  );

  it("loses no name at page ends of an upstream that sorts by bytes, although its first page does not show that", async () => {
    const plain = Array.from({ length: 1_100 }, (_, index) => `n${String(index).padStart(4, "0")}`);
    await using hosted = await registryOf(["b"]);
    await using proxy = await registryOf(["a/b", ...plain, "z-tools", "z/app"], {
      lists: "case-insensitive",
    });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url, lists: "merge" });

    expect(namesOf(await fetchRaw(router.url, "/v2/_catalog?n=1&last=n1099"))).toEqual(["z/app"]);
    expect(namesOf(await fetchRaw(router.url, "/v2/_catalog?n=1&last=z%2Fapp"))).toEqual(["z-tools"]);
  });

  it("omits names that could not be pulled from their upstream", async () => {
    await using hosted = await registryOf(["corp/app", "library/nginx", "both/app"]);
    await using proxy = await registryOf(["corp/leaked", "library/redis", "both/app"]);
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      lists: "merge",
      rules: [
        { match: "corp/**", pull: ["hosted"] },
        { match: "library/**", pull: ["proxy"] },
      ],
    });

    expect((await listAllPages(router.url, "/v2/_catalog?n=1", 5)).names).toEqual([
      "both/app",
      "corp/app",
      "library/redis",
    ]);
  });

  it("continues over many pages of omitted names", async () => {
    const hidden = Array.from({ length: 2_500 }, (_, index) => `hidden/a${String(index).padStart(4, "0")}`);
    await using hosted = await registryOf(["a", "z"]);
    await using proxy = await registryOf([...hidden, "public"]);
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      lists: "merge",
      rules: [{ match: "hidden/**", pull: ["hosted"] }],
    });

    const { names, pages } = await listAllPages(router.url, "/v2/_catalog?n=2", 3);

    expect([names, pages]).toEqual([["a", "public", "z"], 2]);
  });

  it("has a proxy's own names, with or without libraryPrefix: they can be pulled", async () => {
    await using hosted = await registryOf(["nginx"]);
    await using hub = await registryOf(["library/nginx"]);
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: hub.url, libraryPrefix: true },
      lists: "merge",
    });

    expect(namesOf(await fetchRaw(router.url, "/v2/_catalog"))).toEqual(["library/nginx", "nginx"]);
  });

  it("is that of one registry under a host name that stands for it", async () => {
    await using hosted = await registryOf(["private"]);
    await using proxy = await registryOf(["public"]);
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, hosts: ["cache.example"] },
      lists: "merge",
    });

    const answer = await fetchRaw(router.url, "/v2/_catalog", { headers: { Host: "cache.example" } });

    expect(namesOf(answer)).toEqual(["public"]);
    expect(hosted.requests).toEqual([]);
  });

  it("names upstreams that fail, and those that refuse their catalog", async () => {
    await using hosted = await registryOf(["private"]);
    await using shy = await registryOf(["public"]);
    await using down = await registryOf(["public"]);
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: [shy.url, down.url],
      lists: "merge",
      via: "me",
    });
    shy.fault({ status: 401 });
    down.fault({ status: 500 });

    const answer = await fetchRaw(router.url, "/v2/_catalog");

    expect(namesOf(answer)).toEqual(["private"]);
    expect(valuesOf(answer.rawHeaders, "warning")).toEqual([
      '299 - "proxy-1 gives no catalog (answered 401)"',
      '299 - "proxy-2 failed (answered 500)"',
    ]);
  });
});
