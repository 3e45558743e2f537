import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";

const user = { username: "router", password: "secret" };
const digest = `sha256:${"a".repeat(64)}`;

describe("a token endpoint that fails while clients upload", () => {
  it("does not open the circuit of hosted, which still serves pulls", async () => {
    await using hosted = await startRegistry({ tokens: { user, realm: "own" } });
    await using proxy = await startRegistry();
    const longest = { delay: 60_000, longestDelay: 60_000 };
    await using router = await startRouter({
      hosted: { url: hosted.url, auth: user, breaker: { failures: 3, ...longest } },
      proxy: proxy.url,
      rules: [{ match: "team/**", pull: ["hosted"] }],
    });
    hosted.addManifest("team/app", { schemaVersion: 2 }, { tag: "1" });
    expect((await fetchRaw(router.url, "/v2/team/app/manifests/1")).status).toBe(200);

    hosted.fault({ path: /token/, status: 503 });
    const statuses: number[] = [];
    for (const number of [1, 2, 3, 4]) {
      const target = `/v2/team/new-${number}/blobs/uploads/?digest=${digest}`;
      statuses.push((await fetch(router.url + target, { method: "POST", body: "x" })).status);
    }
    expect(statuses).toEqual([502, 502, 502, 502]);
    // The token for this repository is still good.
    const { status, headers } = await fetchRaw(router.url, "/v2/team/app/manifests/1");
    expect([status, headers["x-combined-registry"]]).toEqual([200, "hosted; found"]);
  });
});
