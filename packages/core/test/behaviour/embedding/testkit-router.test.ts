import { createServer } from "node:http";
import { ConfigError, createCombinedRegistryHandler, serverOptions } from "@combined-registry/core";
import { startRouter } from "@combined-registry/testkit";
import { expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { until } from "../../support/within.ts";

it("starts a hosted registry, a proxy and the router in front of both", async () => {
  await using router = await startRouter(createCombinedRegistryHandler);
  router.hosted.addImage("team/app", { tag: "1.0" });
  router.proxy.addImage("library/nginx", { tag: "1.27" });

  const own = await fetchRaw(router.url, "/v2/team/app/manifests/1.0");
  const cached = await fetchRaw(`http://${router.host}`, "/v2/library/nginx/manifests/1.27");

  expect(own.body).toEqual(router.hosted.manifest("team/app", "1.0"));
  expect(cached.body).toEqual(router.proxy.manifest("library/nginx", "1.27"));
  expect((await router.handler.health()).hosted).toBe(200);
});

it("starts several named proxies in order, and takes options of the router and of the server", async () => {
  await using router = await startRouter(
    (upstreams) => createCombinedRegistryHandler({ ...upstreams, lists: "merge" }),
    { proxies: { dockerhub: {}, ghcr: {} }, hosted: { deletes: false }, server: serverOptions },
  );
  router.proxyNamed("dockerhub").addImage("library/nginx", { tag: "1.27" });
  router.proxyNamed("ghcr").addImage("library/nginx", { tag: "1.28" });

  const tags = await fetchRaw(router.url, "/v2/library/nginx/tags/list");

  expect(JSON.parse(tags.body.toString()).tags).toEqual(["1.27", "1.28"]);
  expect(router.proxy).toBe(router.proxyNamed("dockerhub"));
  expect(() => router.proxyNamed("quay")).toThrow("no proxy is named quay: there are dockerhub, ghcr");
});

it("closes the registries when the router cannot be made", async () => {
  const urls: string[] = [];
  const failing = startRouter(({ hosted, proxy }) => {
    urls.push(hosted, ...proxy.map(({ url }) => url));
    return createCombinedRegistryHandler({ hosted, proxy, via: "no name for Via" });
  });

  await expect(failing).rejects.toThrow(ConfigError);
  expect(urls.length).toBe(2);
  for (const url of urls) {
    // Listening succeeds only on a free port.
    const server = createServer().listen(Number(new URL(url).port), "127.0.0.1");
    await new Promise<void>((resolve, reject) => server.once("listening", resolve).once("error", reject));
    server.close();
  }
  await expect(startRouter(createCombinedRegistryHandler, { proxies: {} })).rejects.toThrow();
});

it("breaks off requests in progress when it is closed", async () => {
  const router = await startRouter(createCombinedRegistryHandler);
  const hung = router.proxy.fault({ path: /manifests/, hang: true });
  const pulled = fetchRaw(router.url, "/v2/library/nginx/manifests/1.27");
  const failed = expect(pulled).rejects.toThrow();
  await until(5_000, "the proxy to be asked", () => hung.hits > 0);

  await router.close();

  await failed;
});
