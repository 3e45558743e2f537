import { request as httpRequest } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { asked, manifestOf, putManifest } from "../../support/push.ts";
import { type Sides, startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

const large = { size: 64 * 1024 * 1024, seed: 7 };

/** Pushes a manifest until it is told to stop. */
function pushAndLeave({ router }: Sides, repository: string, body: string): () => void {
  const sent = httpRequest(`${router.url}/v2/${repository}/manifests/1`, { method: "PUT", agent: false });
  sent.on("error", () => undefined);
  sent.end(body);
  return () => sent.destroy();
}

describe("clients that need the same blob at the same time", () => {
  it("share one copy of it", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const layer = proxy.addBlob("app", "layer");
    proxy.fault({ path: /blobs/, delay: 200 });

    const pushes = await Promise.all(
      ["1", "2", "3"].map((tag) => putManifest(router, "app", tag, manifestOf(layer))),
    );

    expect(pushes.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(asked(proxy, "GET")).toEqual([`app/blobs/${layer.digest}`]);
    expect(asked(hosted, "POST")).toEqual(["app/blobs/uploads/"]);
  });

  it("get two copies for two repositories", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const layer = proxy.addBlob("base", "layer");
    proxy.fault({ path: /blobs/, delay: 100 });

    const mounts = await Promise.all(
      ["one", "two"].map((repository) =>
        fetchRaw(router.url, `/v2/${repository}/blobs/uploads/?mount=${layer.digest}&from=base`, {
          method: "POST",
        }),
      ),
    );

    expect(mounts.map(({ status }) => status)).toEqual([201, 201]);
    expect(["one", "two"].map((repository) => hosted.hasBlob(repository, layer.digest))).toEqual([
      true,
      true,
    ]);
  });

  it("still get it when one of them leaves, even the first", async () => {
    await using sides = await startSides();
    const { proxy, router } = sides;
    const layer = proxy.addBlob("app", "layer");
    proxy.fault({ path: /blobs/, delay: 500, times: 1 });
    const leave = pushAndLeave(sides, "app", manifestOf(layer));
    await until(5_000, "the copy begins", () => asked(proxy, "GET").length === 1);
    const second = putManifest(router, "app", "2", manifestOf(layer));
    // The router looks for a shadowed tag just before it copies.
    await until(5_000, "the second begins", () => asked(proxy, "HEAD").includes("app/manifests/2"));

    leave();

    expect((await second).status).toBe(201);
    expect(asked(proxy, "GET")).toHaveLength(1);
  });
});

describe("a client that leaves while no other waits for the copy", () => {
  it("ends the copy: both connections are closed, and the upload at hosted is cancelled", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const layer = proxy.addGeneratedBlob("app", large);
    proxy.fault({ path: /blobs/, stallAt: 10_000_000 });
    const leave = pushAndLeave(sides, "app", manifestOf(layer));
    await until(5_000, "bytes arrive at hosted", () =>
      hosted.requests.some(({ bodyBytes }) => bodyBytes > 9_000_000),
    );

    leave();

    await until(2_000, "nothing is under way", () => proxy.openResponses + hosted.openResponses === 0);
    await until(2_000, "hosted is told", () => asked(hosted, "DELETE").length === 1);
    expect(hosted.hasBlob("app", layer.digest)).toBe(false);
    proxy.clearFaults();
    expect((await putManifest(router, "app", "1", manifestOf(layer))).status).toBe(201);
  });

  it("before it has sent the whole manifest causes no request to hosted", async () => {
    await using sides = await startSides();
    const sent = httpRequest(`${sides.router.url}/v2/app/manifests/1`, {
      method: "PUT",
      agent: false,
      headers: { "Content-Length": 100 },
    });
    sent.on("error", () => undefined);
    sent.write("{");
    await until(5_000, "the router has it", () => sent.socket?.bytesWritten !== 0 && sent.socket !== null);

    sent.destroy();

    await sides.router.handler.close();
    expect(sides.hosted.requests).toEqual([]);
  });
});

describe("a push that takes long", () => {
  it("is not cut off although its client is idle", async () => {
    await using sides = await startSides({ router: { limits: { clientIdle: 100 } } });
    const { proxy, router } = sides;
    const layer = proxy.addBlob("app", "layer");
    proxy.fault({ path: /blobs/, delay: 600 });

    const put = await putManifest(router, "app", "1", manifestOf(layer));

    expect(put.status).toBe(201);
  });

  it("copies no more than four blobs at once", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const layers = Array.from({ length: 12 }, (_, index) => proxy.addBlob("app", `layer ${index}`));
    let most = 0;
    proxy.fault({ path: /blobs/, delay: 300 });
    const push = putManifest(router, "app", "1", manifestOf(...layers));
    await until(10_000, "all are copied", () => {
      most = Math.max(most, proxy.openResponses);
      return layers.every(({ digest }) => hosted.hasBlob("app", digest));
    });

    expect([(await push).status, most]).toEqual([201, 4]);
  });

  it("copies no more than sixteen blobs at once together with other pushes", async () => {
    await using sides = await startSides();
    const { proxy, hosted, router } = sides;
    const repositories = Array.from({ length: 6 }, (_, index) => `app-${index}`);
    const layers = repositories.map((repository) =>
      Array.from({ length: 4 }, (_, index) => proxy.addBlob(repository, `layer ${index}`)),
    );
    let most = 0;
    proxy.fault({ path: /blobs/, delay: 600 });
    const pushes = repositories.map((repository, index) =>
      putManifest(router, repository, "1", manifestOf(...(layers[index] ?? []))),
    );
    await until(10_000, "all are copied", () => {
      most = Math.max(most, proxy.openResponses);
      return repositories.every((repository) => hosted.hasManifest(repository, "1"));
    });

    expect((await Promise.all(pushes)).map(({ status }) => status)).toEqual(Array(6).fill(201));
    expect(most).toBe(16);
  });
});
