import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";

const user = { username: "router", password: "right" };

function tokenRequests({ requests }: TestRegistry): string[] {
  return requests
    .filter(({ path }) => path === "/token")
    .map(({ url }) => new URLSearchParams(url.slice(7)).get("scope") ?? "");
}

describe("a proxy that is a public registry with tokens", () => {
  it("is pulled from with one anonymous token for fifty concurrent pulls, and after its 401 for unknown names hosted is asked", async () => {
    await using hub = await startRegistry({ tokens: {} });
    await using hosted = await startRegistry();
    hub.addImage("library/hello", { tag: "1.0" });
    hosted.addImage("team/app", { tag: "1.0" });
    await using router = await startRouter({ hosted: hosted.url, proxy: hub.url });
    expect((await fetchRaw(router.url, "/v2/")).status).toBe(200);
    hub.clearRequests();

    const pulls = await Promise.all(
      Array.from({ length: 50 }, () => fetchRaw(router.url, "/v2/library/hello/manifests/1.0")),
    );
    const own = await fetchRaw(router.url, "/v2/team/app/manifests/1.0");

    expect(new Set(pulls.map(({ status }) => status))).toEqual(new Set([200]));
    expect(own.headers["x-combined-registry"]).toBe("hosted; found; proxy not found");
    expect(tokenRequests(hub)).toEqual(["repository:library/hello:pull", "repository:team/app:pull"]);
  });
});

describe("a hosted registry with tokens", () => {
  it("is pushed to with the router's own token, requested before an upload's body is sent", async () => {
    await using hosted = await startRegistry({ tokens: { user } });
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: { url: hosted.url, auth: user }, proxy: proxy.url });

    const uploaded = await fetchRaw(router.url, "/v2/team/app/blobs/uploads/1", {
      method: "PATCH",
      body: "x",
    });
    const put = await fetchRaw(router.url, "/v2/team/app/manifests/1", {
      method: "PUT",
      body: '{"layers":[]}',
    });
    const deleted = await fetchRaw(
      router.url,
      `/v2/team/app/manifests/${put.headers["docker-content-digest"]}`,
      { method: "DELETE" },
    );

    expect([uploaded.status, put.status, deleted.status]).toEqual([404, 201, 202]);
    expect(tokenRequests(hosted)).toEqual([
      "",
      "repository:team/app:pull,push",
      // What is deleted is looked at first: it may be on a list of referrers.
      "repository:team/app:pull",
      "repository:team/app:delete",
    ]);
  });

  it.each([
    ["at once, where nothing was sent", "POST", "blobs/uploads/", undefined, [202, 202]],
    ["at once for a manifest, which can be sent again", "PUT", "manifests/1", "{}", [201, 201]],
    ["at the next try, where the body of an upload was sent", "PATCH", "blobs/uploads/1", "x", [502, 404]],
  ])("that has revoked a token gets a new one %s", async (_, method, rest, body, statuses) => {
    await using hosted = await startRegistry({ tokens: { user } });
    await using proxy = await startRegistry();
    await using router = await startRouter({ hosted: { url: hosted.url, auth: user }, proxy: proxy.url });
    const push = () =>
      fetchRaw(router.url, `/v2/team/app/${rest}`, { method, ...(body !== undefined && { body }) });
    const before = [await push(), await push()];
    const challenge = `Bearer realm="${hosted.url}/token",service="testkit"`;
    hosted.fault({
      times: 1,
      method,
      status: 401,
      headers: { "WWW-Authenticate": challenge },
    });
    hosted.clearRequests();

    const after = [await push(), await push()];

    expect(before.map(({ status }) => status)).toEqual([statuses[1], statuses[1]]);
    expect(after.map(({ status }) => status)).toEqual(statuses);
    expect(tokenRequests(hosted)).toEqual(["repository:team/app:pull,push"]);
  });

  it("gets one token for both repositories of a mount", async () => {
    await using hosted = await startRegistry({ tokens: { user } });
    await using proxy = await startRegistry();
    const { digest } = hosted.addBlob("other", "x");
    await using router = await startRouter({ hosted: { url: hosted.url, auth: user }, proxy: proxy.url });

    const mounted = await fetchRaw(router.url, `/v2/team/app/blobs/uploads/?mount=${digest}&from=other`, {
      method: "POST",
    });

    expect(mounted.status).toBe(201);
    expect(hosted.requests.filter(({ path }) => path === "/token").at(-1)?.url).toMatch(
      /scope=repository%3Ateam%2Fapp%3Apull%2Cpush&scope=repository%3Aother%3Apull$/,
    );
  });
});
