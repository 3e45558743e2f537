import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { copyImage } from "../copy-image.mjs";
import { startRegistries } from "./registries.mjs";

let registries;

beforeEach(async () => {
  registries = await startRegistries();
});
afterEach(() => registries.close());

test("copies a public image with all its platforms to the private registry", async () => {
  const { url, cache, hosted } = registries;
  const image = cache.addImage("library/tool", { tag: "1.0", platforms: ["linux/amd64", "linux/arm64"] });

  const digest = await copyImage(url, "library/tool", "team/tool", "1.0");

  expect(digest).toBe(image.digest);
  expect(hosted.manifest("team/tool", "1.0")).toEqual(cache.manifest("library/tool", "1.0"));
  expect(image.manifests.map((manifest) => hosted.hasManifest("team/tool", manifest.digest))).toEqual([
    true,
    true,
  ]);
  expect(image.layers.map((layer) => hosted.hasBlob("team/tool", layer.digest))).toEqual([true]);
});

test("reports an outage of the public registry, and pushes nothing", async () => {
  const { url, cache, hosted } = registries;
  cache.addImage("library/tool", { tag: "1.0" });
  cache.fault({ path: /manifests/, status: 503 });

  await expect(copyImage(url, "library/tool", "team/tool", "1.0")).rejects.toThrow("502");

  expect(hosted.requests.filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
});

test("resumes a layer that breaks off half-way, so that it arrives whole", async () => {
  const { url, cache, hosted } = registries;
  const image = cache.addImage("library/tool", { tag: "1.0" });
  const cut = cache.fault({ path: /blobs/, cutAt: 100, times: 1 });

  await copyImage(url, "library/tool", "team/tool", "1.0");

  expect(cut.hits).toBe(1);
  expect(hosted.hasBlob("team/tool", image.config.digest)).toBe(true);
});
