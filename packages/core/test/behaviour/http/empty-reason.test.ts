import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";

const digest = `sha256:${"a".repeat(64)}`;

describe("a request that no upstream may be asked for", () => {
  it.each([
    ["manifests/1", "MANIFEST_UNKNOWN"],
    [`blobs/${digest}`, "BLOB_UNKNOWN"],
    ["tags/list", "NAME_UNKNOWN"],
  ])("names the code as the reason: %s", async (path, code) => {
    await using hosted = await startRegistry();
    await using proxy = await startRegistry();
    const reasons: string[] = [];
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, namespace: "docker.io" },
      // `?ns=` is for the proxy alone, and the rule is for hosted alone.
      rules: [{ match: "corp/**", pull: ["hosted"] }],
      onDecision: ({ reason }) => reasons.push(reason),
    });
    const { status, headers } = await fetchRaw(router.url, `/v2/corp/app/${path}?ns=docker.io`);
    expect([status, headers["x-combined-registry"]]).toEqual([404, `router; ${code}`]);
    expect([...hosted.requests, ...proxy.requests]).toEqual([]);
    expect(reasons).toEqual([code]);
  });
});
