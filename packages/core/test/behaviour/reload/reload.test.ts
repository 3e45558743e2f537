import { type CombinedRegistryConfig, ConfigError } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

/** The router has `proxy`; `other` waits for a reload. Their images differ. */
async function startWithOther(config: Partial<CombinedRegistryConfig> = {}) {
  const other = await startRegistry();
  const sides = await startSides({ router: config });
  sides.proxy.addImage("library/tool", { tag: "old", layers: ["x"] });
  other.addImage("library/tool", { tag: "new", layers: ["y"] });
  return {
    ...sides,
    other,
    async [Symbol.asyncDispose]() {
      await sides[Symbol.asyncDispose]();
      await other.close();
    },
  };
}

describe("a reload", () => {
  it("applies to the next request", async () => {
    await using sides = await startWithOther();
    const { router, hosted, other } = sides;
    const newTag = "/v2/library/tool/manifests/new";
    expect((await fetchRaw(router.url, newTag)).status).toBe(404);

    router.handler.reload({ hosted: hosted.url, proxy: other.url });

    expect((await fetchRaw(router.url, newTag)).status).toBe(200);
    expect((await fetchRaw(router.url, "/v2/library/tool/manifests/old")).status).toBe(404);
  });

  it("does not affect a request in progress, after which the old connections close", async () => {
    await using sides = await startWithOther();
    const { router, hosted, proxy, other } = sides;
    const stalled = proxy.fault({ path: /manifests\/old$/, delay: 300 });
    const pull = fetchRaw(router.url, "/v2/library/tool/manifests/old");
    await until(5_000, "the request to reach the old proxy", () => stalled.hits === 1);

    router.handler.reload({ hosted: hosted.url, proxy: other.url });

    expect((await pull).status).toBe(200);
    await until(5_000, "the old proxy's connections to close", () => proxy.openConnections === 0);
  });

  it("keeps the connections of unchanged upstreams, and the counts of metrics", async () => {
    await using sides = await startWithOther();
    const { router, hosted, other } = sides;
    await fetchRaw(router.url, "/v2/acme/app/manifests/1");
    const kept = hosted.openConnections;

    router.handler.reload({ hosted: hosted.url, proxy: other.url });
    await fetchRaw(router.url, "/v2/acme/app/manifests/1");

    expect([kept, hosted.openConnections]).toEqual([1, 1]);
    expect(await router.handler.metrics.metrics()).toMatch(
      /http_requests_total\{route="manifest",method="GET",status="404",upstream="hosted"\} 2/,
    );
  });

  it("of an invalid configuration is refused with the option's name, and changes nothing", async () => {
    await using sides = await startWithOther();
    const { router, proxy } = sides;

    expect(() => router.handler.reload({ hosted: "registry:5000", proxy: proxy.url })).toThrow(ConfigError);
    expect(() => router.handler.reload({ hosted: "registry:5000", proxy: proxy.url })).toThrow(/hosted/);

    expect((await fetchRaw(router.url, "/v2/library/tool/manifests/old")).status).toBe(200);
  });

  it("works a hundred times under load, without failing requests or leaked connections", async () => {
    await using sides = await startWithOther();
    const { router, hosted, proxy, other } = sides;
    proxy.addImage("library/tool", { tag: "new", layers: ["y"] });
    const statuses: number[] = [];
    let loading = true;
    const client = async () => {
      while (loading) {
        statuses.push((await fetchRaw(router.url, "/v2/library/tool/manifests/new")).status);
      }
    };
    const clients = Promise.all([client(), client(), client(), client()]);

    for (let round = 0; round < 100; round++) {
      router.handler.reload({ hosted: hosted.url, proxy: round % 2 === 0 ? other.url : proxy.url });
      await fetchRaw(router.url, "/v2/");
    }
    loading = false;
    await clients;

    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(statuses.length).toBeGreaterThan(50);
    await until(5_000, "only the last proxy to be connected", () => other.openConnections === 0);
    expect(proxy.openConnections).toBeLessThan(10);
  }, 30_000);
});

it("a logger that throws breaks neither the response nor the process", async () => {
  const fail = () => {
    throw new Error("disk full");
  };
  await using sides = await startWithOther({ logger: { debug: fail, info: fail, warn: fail, error: fail } });

  const answers = await Promise.all(
    [1, 2, 3].map(() => fetchRaw(sides.router.url, "/v2/library/tool/manifests/old")),
  );

  expect(answers.map(({ status, complete }) => [status, complete])).toEqual([
    [200, true],
    [200, true],
    [200, true],
  ]);
  await sides.router.handler.close();
});
