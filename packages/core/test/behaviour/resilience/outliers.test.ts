import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import {
  lasting,
  openBreaker,
  privateTag,
  publicTag,
  pullUntil,
  quick,
  startWithImages,
  stateOf,
} from "../../support/breaker.ts";
import { fetchRaw } from "../../support/client.ts";
import { type RunningRouter, startRouter } from "../../support/router.ts";
import { until } from "../../support/within.ts";

const digest = `sha256:${"0".repeat(64)}`;
const tagOf = (name: string) => `/v2/${name}/manifests/1.0`;

/** Asks one after the other. */
async function askEach({ url }: RunningRouter, targets: readonly string[]): Promise<number[]> {
  const statuses: number[] = [];
  for (const target of targets) {
    statuses.push((await fetchRaw(url, target)).status);
  }
  return statuses;
}

function push({ url }: RunningRouter): Promise<{ readonly status: number }> {
  return fetchRaw(url, "/v2/acme/app/blobs/uploads/", { method: "POST" });
}

describe("a list that times out", () => {
  const lists = ["/v2/_catalog", "/v2/acme/app/tags/list", `/v2/acme/app/referrers/${digest}`];

  it.each(lists)("does not open hosted's breaker: %s", async (list) => {
    await using sides = await startWithImages({ proxies: { proxy: {} }, hosted: lasting });
    const { hosted, router } = sides;
    hosted.fault({ path: list, hang: true });

    expect(await askEach(router, [list, list, list, list])).toEqual([504, 504, 504, 504]);

    expect(await stateOf(router, "hosted")).toBe("closed");
    expect((await push(router)).status).toBe(202);
  });

  it("does not open hosted's breaker if a gateway answers 504", async () => {
    await using sides = await startWithImages({ proxies: { proxy: {} }, hosted: lasting });
    const { hosted, router } = sides;
    hosted.fault({ path: "/v2/_catalog", status: 504 });

    await askEach(router, ["/v2/_catalog", "/v2/_catalog", "/v2/_catalog"]);

    expect(await stateOf(router, "hosted")).toBe("closed");
  });

  it.each(["/v2/elsewhere/tags/list", `/v2/elsewhere/referrers/${digest}`])(
    "does not open a proxy's breaker: %s",
    async (list) => {
      await using sides = await startWithImages({ proxies: { proxy: lasting } });
      const { proxy, router } = sides;
      const late = proxy.fault({ path: list, hang: true });

      await askEach(router, [list, list, list, list]);

      expect([late.hits, await stateOf(router)]).toEqual([4, "closed"]);
    },
  );

  it("is not used as the half-open probe after other failures of hosted", async () => {
    await using sides = await startWithImages({ proxies: { proxy: {} }, hosted: quick });
    const { hosted, router } = sides;
    hosted.fault({ path: /_catalog|acme/, reset: true });
    await openBreaker(router, 3, "hosted");
    hosted.clearRequests();

    await until(5_000, "three probes", async () => {
      await fetchRaw(router.url, "/v2/_catalog");
      return hosted.requests.length >= 3;
    });

    expect(new Set(hosted.requests.map(({ path }) => path))).toEqual(new Set([privateTag]));
  });

  it("whose connection fails counts like any other request", async () => {
    await using sides = await startWithImages({ proxies: { proxy: {} }, hosted: lasting });
    const { hosted, router } = sides;
    hosted.fault({ path: "/v2/_catalog", reset: true });

    await askEach(router, ["/v2/_catalog", "/v2/_catalog", "/v2/_catalog"]);

    expect(await stateOf(router, "hosted")).toBe("open");
  });
});

describe("one image that hangs", () => {
  const hanging = tagOf("library/hanging");

  it("does not open the breaker of a proxy that serves other images in between", async () => {
    await using sides = await startWithImages({ proxies: { proxy: lasting } });
    const { proxy, router } = sides;
    const late = proxy.fault({ path: hanging, hang: true });

    await askEach(router, Array.from({ length: 5 }, () => [hanging, publicTag]).flat());

    expect([late.hits, await stateOf(router)]).toEqual([5, "closed"]);
  });

  it("does not open the proxy's breaker for any number of concurrent requests for it and its layers", async () => {
    await using sides = await startWithImages({ proxies: { proxy: lasting } });
    const { proxy, router } = sides;
    const late = proxy.fault({ path: /hanging/, hang: true });
    const layers = [1, 2, 3, 4].map((n) => `/v2/library/hanging/blobs/sha256:${String(n).repeat(64)}`);

    await Promise.all([hanging, hanging, ...layers].map((target) => fetchRaw(router.url, target)));

    expect([late.hits, await stateOf(router)]).toEqual([6, "closed"]);
    expect((await fetchRaw(router.url, publicTag)).status).toBe(200);
  });

  it("opens the breaker of a proxy without successes in between, which closes with another image", async () => {
    await using sides = await startWithImages();
    const { proxy, router } = sides;
    proxy.fault({ path: hanging, hang: true });
    await askEach(router, [hanging, hanging, hanging]);
    expect(await stateOf(router)).not.toBe("closed");

    await pullUntil(router, "the proxy to be back", async () => (await stateOf(router)) === "closed");

    expect((await fetchRaw(router.url, publicTag)).status).toBe(200);
  });

  it("does not keep the proxy's breaker open that opened with other images", async () => {
    await using sides = await startWithImages();
    const { proxy, router } = sides;
    proxy.fault({ path: /library/, hang: true });
    await askEach(router, [hanging, tagOf("library/a"), tagOf("library/b")]);
    expect(await stateOf(router)).not.toBe("closed");
    proxy.clearFaults();
    proxy.fault({ path: hanging, hang: true });

    await pullUntil(router, "the proxy to be back", async () => (await stateOf(router)) === "closed");
  });

  it("does not keep hosted's breaker open for clients that only push", async () => {
    await using sides = await startWithImages({ proxies: { proxy: {} }, hosted: quick });
    const { hosted, router } = sides;
    hosted.fault({ path: hanging, hang: true });
    await askEach(router, [hanging, hanging, hanging]);
    expect(await stateOf(router, "hosted")).not.toBe("closed");

    await until(5_000, "a push to be taken", async () => (await push(router)).status === 202);
  });
});

it("hosted's breaker opens after consecutive timeouts only", async () => {
  await using sides = await startWithImages({ proxies: { proxy: {} }, hosted: lasting });
  const { hosted, router } = sides;
  const late = hosted.fault({ path: /late/, hang: true });

  await askEach(
    router,
    ["a", "b", "c", "d", "e"].flatMap((name) => [tagOf(`late/${name}`), privateTag]),
  );

  expect([late.hits, await stateOf(router, "hosted")]).toEqual([5, "closed"]);
});

it("any number of clients is served by a proxy whose breaker opened after timeouts, if no other upstream has the image", async () => {
  await using sides = await startWithImages({
    proxies: { proxy: { ...lasting, timeouts: { headers: 150 } } },
  });
  const { proxy, router } = sides;
  proxy.fault({ path: /acme/, hang: true });
  await openBreaker(router);
  proxy.fault({ path: publicTag, delay: 50 });

  const answers = await Promise.all(Array.from({ length: 40 }, () => fetchRaw(router.url, publicTag)));

  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(await stateOf(router)).toBe("open");
});

it("a half-open probe times out after five seconds, also with a longer timeout for requests", async () => {
  await using sides = await startWithImages({
    proxies: { proxy: { ...quick, timeouts: { headers: 60_000 } } },
  });
  const { proxy, router } = sides;
  proxy.fault({ reset: true });
  await openBreaker(router);
  proxy.clearFaults();
  const hanging = proxy.fault({ hang: true });
  await pullUntil(router, "a probe to start", () => hanging.hits === 1);
  proxy.clearFaults();

  await pullUntil(router, "the proxy to be back", async () => (await stateOf(router)) === "closed");
});

it("a proxy's breaker opens when clients leave after waiting long, even with a longer timeout", async () => {
  await using sides = await startWithImages({
    proxies: { proxy: { ...lasting, timeouts: { headers: 60_000 } } },
  });
  const { proxy, router } = sides;
  const hanging = proxy.fault({ path: /acme/, hang: true });
  const leavers = ["acme/app", "acme/b", "acme/c"].map((name) =>
    fetch(`${router.url}${tagOf(name)}`, { signal: AbortSignal.timeout(5_500) }).catch(() => "left"),
  );

  expect(await Promise.all(leavers)).toEqual(["left", "left", "left"]);

  await until(5_000, "the breaker to open", async () => (await stateOf(router)) === "open");
  expect(hanging.hits).toBe(3);
  expect((await fetchRaw(router.url, privateTag)).headers["x-combined-registry"]).toContain(
    "proxy failed (circuit open)",
  );
});

it("a proxy's breaker does not open for clients that leave soon", async () => {
  await using sides = await startWithImages({
    proxies: { proxy: { ...lasting, timeouts: { headers: 60_000 } } },
  });
  const { proxy, router } = sides;
  const hanging = proxy.fault({ path: /acme/, hang: true });
  const controller = new AbortController();
  const leavers = ["a", "b", "c", "d"].map((name) =>
    fetch(`${router.url}${tagOf(`acme/${name}`)}`, { signal: controller.signal }).catch(() => "left"),
  );
  await until(5_000, "all to be asked for", () => hanging.hits === 4);
  controller.abort();
  await Promise.all(leavers);
  await until(5_000, "their requests to be torn down", () => proxy.openResponses === 0);

  expect(await stateOf(router)).toBe("closed");
});

describe("object storage that an upstream redirects to", () => {
  it.each([
    ["has not got it", { status: 404 }],
    ["answers 500", { status: 500 }],
    ["is a gateway with nothing behind it", { status: 503 }],
    ["resets connections", { reset: true }],
    ["never answers", { hang: true }],
  ] as const)("does not count for the upstream's breaker when it %s", async (_, fault) => {
    await using storage = await startRegistry();
    await using proxy = await startRegistry({ redirectBlobs: `${storage.url}/storage/` });
    await using hosted = await startRegistry();
    const names = ["library/a", "library/b", "library/c", "library/d"];
    const targets = names.map((name) => `/v2/${name}/blobs/${proxy.addBlob(name, name).digest}`);
    const failing = storage.fault(fault);
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, redirects: "follow", ...lasting },
    });

    const statuses = await askEach(router, targets);

    expect(statuses.every((status) => status >= 502)).toBe(true);
    expect([failing.hits, await stateOf(router)]).toEqual([4, "closed"]);
  });
});
