import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { startRouter } from "../../support/router.ts";

describe("writes without a body", () => {
  it.each([
    ["POST", "/v2/team/app/blobs/uploads/", 202],
    ["POST", `/v2/team/app/blobs/uploads/?mount=sha256:${"a".repeat(64)}`, 202],
    ["DELETE", "/v2/team/app/manifests/1", 404],
  ])("take slots of `lookups`: %s %s", async (method, path, status) => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    await using router = await startRouter({
      hosted: { url: hosted.url, lookups: { concurrent: 1, queued: 1 } },
      proxy: proxy.url,
    });
    hosted.fault({ method: ["POST", "DELETE"], delay: 300 });
    const all = await Promise.all(
      [1, 2, 3, 4].map(async () => (await fetch(`${router.url}${path}`, { method })).status),
    );
    // One is in flight, one waits, and the others are turned away at once.
    expect(all.sort()).toEqual([status, status, 503, 503].sort());
    expect(hosted.requests).toHaveLength(2);
  });
});
