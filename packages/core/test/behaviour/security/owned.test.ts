import type { TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw } from "../../support/client.ts";
import { digestOf, manifestOf, manifestType, putManifest } from "../../support/push.ts";
import { type SidesOptions, startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

const indexType = "application/vnd.oci.image.index.v1+json";

async function startOwned(hosted: SidesOptions["hosted"] = {}) {
  const sides = await startSides({ hosted, router: { rules: [{ match: "**", owned: true }] } });
  sides.hosted.addImage("corp/app", { tag: "1.0", layers: ["private"] });
  sides.proxy.addImage("corp/app", { tag: "2.0", layers: ["of another publisher"] });
  sides.proxy.addImage("library/tool", { tag: "1.0", layers: ["public"] });
  return sides;
}

function existenceAsked({ requests }: TestRegistry): string[] {
  return requests.filter(({ path }) => path.endsWith("/tags/list")).map(({ url }) => url);
}

describe("a repository that hosted has", () => {
  it("is served by hosted alone, whatever a proxy has under that name", async () => {
    await using sides = await startOwned();

    expect((await fetchRaw(sides.router.url, "/v2/corp/app/manifests/1.0")).status).toBe(200);
    expect((await fetchRaw(sides.router.url, "/v2/corp/app/manifests/2.0")).status).toBe(404);
    expect(sides.proxy.requests).toEqual([]);
  });

  it("is looked up once for concurrent and soon following requests", async () => {
    await using sides = await startOwned();
    const { router, hosted } = sides;
    hosted.fault({ path: /tags\/list/, delay: 50 });

    const all = await Promise.all(
      Array.from({ length: 20 }, () => fetchRaw(router.url, "/v2/corp/app/manifests/1.0")),
    );
    await fetchRaw(router.url, "/v2/corp/app/manifests/1.0", { method: "HEAD" });

    expect(all.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(existenceAsked(hosted)).toEqual(["/v2/corp/app/tags/list?n=100"]);
  });

  it("is still looked up for the other clients if the first one leaves", async () => {
    await using sides = await startOwned();
    const { router, hosted } = sides;
    const slow = hosted.fault({ path: /tags\/list/, delay: 200 });
    const leaving = new AbortController();
    const left = fetch(`${router.url}/v2/corp/app/manifests/1.0`, { signal: leaving.signal });
    const gone = expect(left).rejects.toThrow();
    await until(5_000, "hosted to be asked", () => slow.hits === 1);
    const waiting = fetchRaw(router.url, "/v2/corp/app/manifests/1.0");
    leaving.abort();

    expect((await waiting).status).toBe(200);
    await gone;
    expect(existenceAsked(hosted)).toHaveLength(1);
  });

  it("stays hosted's when its last tag is deleted, which distribution lists as null", async () => {
    await using sides = await startOwned();
    const { router, hosted, proxy } = sides;
    hosted.fault({ path: /corp\/app\/tags\/list/, status: 200, body: { name: "corp/app", tags: null } });

    expect((await fetchRaw(router.url, "/v2/corp/app/manifests/2.0")).status).toBe(404);
    expect(proxy.requests).toEqual([]);
  });

  it("is not hosted's if hosted lists every unknown repository as null", async () => {
    await using sides = await startOwned();
    const { router, hosted } = sides;
    hosted.fault({ path: /tags\/list/, status: 200, body: { name: "x", tags: null } });

    expect((await fetchRaw(router.url, "/v2/library/tool/manifests/1.0")).status).toBe(200);
  });

  it("is not one for which hosted lists null with n, and answers 404 without", async () => {
    await using sides = await startOwned();
    const { router, hosted } = sides;
    hosted.fault({ path: /tags\/list\?n=100$/, status: 200, body: { name: "x", tags: null } });

    expect((await fetchRaw(router.url, "/v2/library/tool/manifests/1.0")).status).toBe(200);
  });
});

describe("a repository that hosted does not have", () => {
  it("is pulled from a proxy, and hosted is asked about it once", async () => {
    await using sides = await startOwned();
    const { router, hosted } = sides;

    for (let pull = 0; pull < 3; pull++) {
      expect((await fetchRaw(router.url, "/v2/library/tool/manifests/1.0")).status).toBe(200);
    }

    expect(hosted.requests.map(({ url }) => url)).toEqual(["/v2/library/tool/tags/list?n=100"]);
  });

  it("is hosted's after a push of a tag through the router", async () => {
    await using sides = await startOwned();
    const { router, proxy } = sides;
    expect((await fetchRaw(router.url, "/v2/library/tool/manifests/1.0")).status).toBe(200);
    proxy.clearRequests();

    expect((await putManifest(router, "library/tool", "mine", manifestOf())).status).toBe(201);

    expect((await fetchRaw(router.url, "/v2/library/tool/manifests/1.0")).status).toBe(404);
    expect(proxy.requests).toEqual([]);
  });

  it("accepts a first image whose layers only a proxy has, one manifest of an index after the other", async () => {
    await using sides = await startOwned();
    const { router, proxy, hosted } = sides;
    const children = ["amd64", "arm64"].map((layer) => {
      const body = manifestOf(proxy.addBlob("library/tool", layer));
      return { body, mediaType: manifestType, digest: digestOf(body), size: body.length };
    });
    const index = {
      schemaVersion: 2,
      mediaType: indexType,
      manifests: children.map(({ body, ...child }) => child),
    };

    for (const { body, digest } of children) {
      expect((await putManifest(router, "library/tool", digest, body)).status).toBe(201);
    }
    expect((await putManifest(router, "library/tool", "mine", JSON.stringify(index), indexType)).status).toBe(
      201,
    );

    expect(hosted.hasManifest("library/tool", "mine")).toBe(true);
  });

  it("is not hosted's after a push that hosted refused", async () => {
    await using sides = await startOwned();
    sides.hosted.fault({ method: "PUT", status: 400 });

    await fetchRaw(sides.router.url, "/v2/library/tool/manifests/x", { method: "PUT", body: "{}" });

    expect((await fetchRaw(sides.router.url, "/v2/library/tool/manifests/1.0")).status).toBe(200);
  });

  it("is looked up again after a delete", async () => {
    await using sides = await startOwned();
    const { router, hosted } = sides;
    await fetchRaw(router.url, "/v2/corp/app/manifests/1.0");
    await fetchRaw(router.url, `/v2/corp/app/manifests/sha256:${"0".repeat(64)}`, { method: "DELETE" });
    await fetchRaw(router.url, "/v2/corp/app/manifests/1.0");

    expect(existenceAsked(hosted)).toHaveLength(2);
  });
});

describe("when hosted fails to answer whether it has the repository", () => {
  it.each([
    [{ status: 503 }, 502, "UPSTREAM_FAILED"],
    [{ status: 429 }, 429, "TOOMANYREQUESTS"],
    [{ status: 405 }, 502, "UPSTREAM_FAILED"],
    [{ status: 204 }, 502, "UPSTREAM_FAILED"],
    [{ hang: true }, 504, "UPSTREAM_TIMEOUT"],
    [{ reset: true }, 502, "UPSTREAM_FAILED"],
  ] as const)("%j, the request fails, and no proxy is asked", async (fault, status, code) => {
    await using sides = await startOwned({ timeouts: { headers: 100 } });
    const { hosted, proxy, router } = sides;
    hosted.fault(fault);

    const answer = await fetchRaw(router.url, "/v2/library/tool/manifests/1.0");

    expect(answer.status).toBe(status);
    expect(errorOf(answer)).toMatchObject({ code, message: expect.stringMatching(/^hosted failed \(/) });
    expect((await fetchRaw(router.url, "/v2/library/tool/manifests/1.0", { method: "HEAD" })).status).toBe(
      status,
    );
    expect(proxy.requests).toEqual([]);
  });

  it("the next request asks it again", async () => {
    await using sides = await startOwned();
    sides.hosted.fault({ path: /tags\/list/, status: 500, times: 1 });

    expect((await fetchRaw(sides.router.url, "/v2/library/tool/manifests/1.0")).status).toBe(502);
    expect((await fetchRaw(sides.router.url, "/v2/library/tool/manifests/1.0")).status).toBe(200);
  });
});

describe("with the clients' own credentials", () => {
  const auth = { username: "dev", password: "secret" };
  const Authorization = `Basic ${Buffer.from("dev:secret").toString("base64")}`;

  it("hosted's challenge reaches a client without credentials, and no proxy is asked", async () => {
    await using sides = await startOwned({ registry: { auth }, auth: "passthrough" });

    const answer = await fetchRaw(sides.router.url, "/v2/corp/app/manifests/1.0");

    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toMatch(/^Basic realm=/);
    expect(sides.proxy.requests).toEqual([]);
  });

  it("a 404 for one client does not hold for another", async () => {
    await using sides = await startOwned({ registry: { auth }, auth: "passthrough" });
    const { router, hosted } = sides;

    for (let pull = 0; pull < 2; pull++) {
      expect(
        (await fetchRaw(router.url, "/v2/library/tool/manifests/1.0", { headers: { Authorization } })).status,
      ).toBe(200);
    }

    expect(existenceAsked(hosted)).toHaveLength(2);
  });
});
