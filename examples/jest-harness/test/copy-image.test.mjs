import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRouter } from "@combined-registry/testkit";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { copyImage } from "../copy-image.mjs";

let router;
beforeEach(async () => {
  router = await startRouter(createCombinedRegistryHandler);
});
afterEach(() => router.close());

test("copies a public image with all its platforms to the private registry", async () => {
  const { url, proxy, hosted } = router;
  const image = proxy.addImage("library/tool", { tag: "1.0", platforms: ["linux/amd64", "linux/arm64"] });

  const digest = await copyImage(url, "library/tool", "team/tool", "1.0");

  expect(digest).toBe(image.digest);
  expect(hosted.manifest("team/tool", "1.0")).toEqual(proxy.manifest("library/tool", "1.0"));
  expect(image.manifests.map((manifest) => hosted.hasManifest("team/tool", manifest.digest))).toEqual([
    true,
    true,
  ]);
  expect(image.layers.map((layer) => hosted.hasBlob("team/tool", layer.digest))).toEqual([true]);
});

test("reports an outage of the public registry, and pushes nothing", async () => {
  const { url, proxy, hosted } = router;
  proxy.addImage("library/tool", { tag: "1.0" });
  proxy.fault({ path: /manifests/, status: 503 });

  await expect(copyImage(url, "library/tool", "team/tool", "1.0")).rejects.toThrow("502");

  expect(hosted.requests.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
});

test("resumes a layer that breaks off half-way, so that it arrives whole", async () => {
  const { url, proxy, hosted } = router;
  const image = proxy.addImage("library/tool", { tag: "1.0" });
  const cut = proxy.fault({ path: /blobs/, cutAt: 100, times: 1 });

  await copyImage(url, "library/tool", "team/tool", "1.0");

  expect(cut.hits).toBe(1);
  expect(hosted.hasBlob("team/tool", image.config.digest)).toBe(true);
});
