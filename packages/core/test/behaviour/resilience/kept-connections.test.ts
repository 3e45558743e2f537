import { startRegistry } from "@combined-registry/testkit";
import { expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";

it("a request on a kept-alive connection that object storage has closed is retried on a new one", async () => {
  await using storage = await startRegistry();
  await using proxy = await startRegistry({ redirectBlobs: `${storage.url}/storage/` });
  await using hosted = await startRegistry();
  const { digest } = proxy.addBlob("library/a", "in storage");
  storage.addBlob("library/a", "in storage");
  await using router = await startRouter({
    hosted: hosted.url,
    proxy: { url: proxy.url, redirects: "follow" },
  });
  const pull = () => fetchRaw(router.url, `/v2/library/a/blobs/${digest}`);
  expect((await pull()).status).toBe(200);
  const closed = storage.fault({ reset: true, times: 1 });

  const answer = await pull();

  expect([closed.hits, answer.status, answer.body.toString()]).toEqual([1, 200, "in storage"]);
});

it("a request on a kept-alive connection that a token endpoint has closed is retried on a new one", async () => {
  await using endpoint = await startRegistry({ tokens: {} });
  await using hub = await startRegistry();
  await using hosted = await startRegistry();
  for (const registry of [endpoint, hub]) {
    registry.addImage("library/a", { tag: "1.0" });
    registry.addImage("library/b", { tag: "1.0" });
  }
  hub.fault({
    status: 401,
    headers: { "WWW-Authenticate": `Bearer realm="${endpoint.url}/token",service="testkit"` },
  });
  await using router = await startRouter({ hosted: hosted.url, proxy: hub.url });
  const pull = (name: string) => fetchRaw(router.url, `/v2/library/${name}/manifests/1.0`);
  await pull("a");
  const closed = endpoint.fault({ path: /library%2Fb/, reset: true, times: 1 });
  hub.clearRequests();

  await pull("b");

  expect(closed.hits).toBe(1);
  expect(hub.requests.at(-1)?.headers.authorization).toMatch(/^Bearer /);
});
