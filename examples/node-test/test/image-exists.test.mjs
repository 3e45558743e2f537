import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { createCombinedRegistryHandler } from "@combined-registry/core";
import { startRouter } from "@combined-registry/testkit";
import { imageExists } from "../image-exists.mjs";

let router;
beforeEach(async () => {
  router = await startRouter(createCombinedRegistryHandler);
});
afterEach(() => router.close());

test("images of both registries exist, others do not", async () => {
  router.proxy.addImage("library/nginx", { tag: "1.27" });
  router.hosted.addImage("team/app", { tag: "1.0" });

  assert.equal(await imageExists(router.url, "library/nginx", "1.27"), true);
  assert.equal(await imageExists(router.url, "team/app", "1.0"), true);
  assert.equal(await imageExists(router.url, "team/app", "2.0"), false);
});

test("an outage is no missing image", async () => {
  router.proxy.fault({ path: /manifests/, status: 503 });

  await assert.rejects(imageExists(router.url, "library/nginx", "1.27"), /answered 502/);
});
