import { startRegistry } from "@combined-registry/testkit";
import { expect, it } from "@jest/globals";
import { lasting, openBreaker, privateTag, quick, startWithImages } from "../../support/breaker.ts";
import { fetchRaw } from "../../support/client.ts";
import type { RunningRouter } from "../../support/router.ts";
import { until } from "../../support/within.ts";

/** The lines of what is shown per upstream and can go down again. */
async function gaugesOf({ handler }: RunningRouter): Promise<string[]> {
  const text = await handler.metrics.metrics();
  return text.split("\n").filter((line) => /^combined_registry_(breaker_state|upstream_up)\{/.test(line));
}

it("an upstream that a reload has removed has no metrics", async () => {
  await using sides = await startWithImages();
  const { hosted, proxy, router } = sides;
  router.handler.reload({ hosted: hosted.url, proxy: [{ url: proxy.url, name: "cache", ...lasting }] });
  proxy.fault({ reset: true });
  await openBreaker(router, 3, "cache");
  expect((await gaugesOf(router)).join()).toContain('{upstream="cache"} 2');

  router.handler.reload({ hosted: hosted.url, proxy: [{ url: proxy.url, name: "other" }] });

  expect((await gaugesOf(router)).sort()).toEqual([
    'combined_registry_breaker_state{upstream="hosted"} 0',
    'combined_registry_breaker_state{upstream="other"} 0',
    'combined_registry_upstream_up{upstream="hosted"} 1',
  ]);
});

it("results of a former upstream with the same name do not change the metrics of the current one", async () => {
  await using sides = await startWithImages({
    proxies: {
      proxy: {
        ...quick,
        breaker: { failures: 1, delay: 60_000, longestDelay: 60_000 },
      },
    },
  });
  const { hosted, proxy, router } = sides;
  await using other = await startRegistry();
  const late = proxy.fault({ hang: true });
  const pull = fetchRaw(router.url, privateTag);
  await until(5_000, "the request to reach the old proxy", () => late.hits === 1);

  router.handler.reload({ hosted: hosted.url, proxy: other.url });
  expect((await pull).headers["x-combined-registry"]).toContain("timeout after 150 ms");

  const gauges = await gaugesOf(router);
  expect(gauges).toContain('combined_registry_breaker_state{upstream="proxy"} 0');
  expect(gauges).not.toContain('combined_registry_upstream_up{upstream="proxy"} 0');
});

it("the last request of a removed upstream does not bring its metrics back", async () => {
  await using sides = await startWithImages();
  const { hosted, proxy, router } = sides;
  router.handler.reload({ hosted: hosted.url, proxy: [{ url: proxy.url, name: "cache" }] });
  const slow = proxy.fault({ path: privateTag, delay: 200 });
  const pull = fetchRaw(router.url, privateTag);
  await until(5_000, "the request to reach the cache", () => slow.hits === 1);

  router.handler.reload({ hosted: hosted.url, proxy: [{ url: proxy.url, name: "other" }] });
  expect((await pull).status).toBe(200);

  expect((await gaugesOf(router)).filter((line) => line.includes('"cache"'))).toEqual([]);
});
