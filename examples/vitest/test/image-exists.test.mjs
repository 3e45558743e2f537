import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRouter } from "@combined-registry/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { imageExists } from "../image-exists.mjs";

let router;
beforeEach(async () => {
  router = await startRouter(createCombinedRegistryHandler);
});
afterEach(() => router.close());

test("images of both registries exist, others do not", async () => {
  router.proxy.addImage("library/nginx", { tag: "1.27" });
  router.hosted.addImage("team/app", { tag: "1.0" });

  expect(await imageExists(router.url, "library/nginx", "1.27")).toBe(true);
  expect(await imageExists(router.url, "team/app", "1.0")).toBe(true);
  expect(await imageExists(router.url, "team/app", "2.0")).toBe(false);
});

test("an outage is no missing image", async () => {
  router.proxy.fault({ path: /manifests/, status: 503 });

  await expect(imageExists(router.url, "library/nginx", "1.27")).rejects.toThrow("answered 502");
});
