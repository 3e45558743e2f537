import { createHash } from "node:crypto";
import type { CombinedRegistryConfig, RuleConfig } from "@combined-registry/core";
import type { TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { type Ask, fetchRaw } from "../../support/client.ts";
import { manifestType, putManifest } from "../../support/push.ts";
import type { RunningRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

const unknown = `sha256:${"0".repeat(64)}`;
const bytes = "application/octet-stream";
const emptyManifest = JSON.stringify({ schemaVersion: 2, layers: [] });
const quick = { breaker: { failures: 2, delay: 20, longestDelay: 50 }, timeouts: { headers: 200 } };

const rules: Readonly<Record<string, RuleConfig>> = {
  "pull: [hosted]": { match: "corp/**", pull: ["hosted"] },
  "owned: true": { match: "**", owned: true },
};

/** Two proxies that hold everything that hosted holds, so that a request which reaches them succeeds, and a public image. */
async function startTwoProxies(rule: RuleConfig, config: Partial<CombinedRegistryConfig> = {}) {
  const sides = await startSides({
    proxies: { hub: { namespace: "docker.io", hosts: ["hub.example.com"], ...quick }, other: quick },
    router: { rules: [rule], ...config },
  });
  const proxies = [sides.proxyNamed("hub"), sides.proxyNamed("other")];
  const image = sides.hosted.addImage("corp/app", { tag: "1.0", layers: ["a private layer", "another one"] });
  sides.hosted.addImage("corp/other", { tag: "1.0" });
  for (const proxy of proxies) {
    proxy.addImage("corp/app", { tag: "1.0", layers: ["a private layer", "another one"] });
    proxy.addImage("library/tool", { tag: "1.0", layers: ["public"] });
    proxy.addImage("library/other", { tag: "1.0", layers: ["public"] });
  }
  return { ...sides, hub: sides.proxy, proxies, image };
}

/** What proxies were asked for, apart from `/v2/` and the public image. */
function leaks(proxies: readonly TestRegistry[]): string[] {
  return proxies
    .flatMap(({ requests }) => requests)
    .map(({ method, url, rawHeaders }) => `${method} ${url} ${rawHeaders.join(" ")}`)
    .filter((request) => /corp|app/i.test(decodeURIComponent(request)));
}

function digestOf(content: string): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

type Row = readonly [method: string, target: string, ask?: Ask];

/** Every kind of request for the name. */
function requestsFor(layer: string, manifest: string): readonly Row[] {
  const reads: Row[] = ["GET", "HEAD"].flatMap((method): Row[] => [
    [method, "/v2/corp/app/manifests/1.0"],
    [method, "/v2/corp/app/manifests/none"],
    [method, `/v2/corp/app/manifests/${manifest}`],
    [method, `/v2/corp/app/manifests/${unknown}`],
    [method, `/v2/corp/app/blobs/${layer}`],
    [method, `/v2/corp/app/blobs/${unknown}`],
  ]);
  return [
    ...reads,
    ["GET", "/v2/corp/app/tags/list"],
    ["GET", "/v2/corp/app/tags/list?n=1&last=1.0"],
    ["GET", `/v2/corp/app/referrers/${manifest}`],
    ["GET", `/v2/corp/app/referrers/${unknown}?artifactType=a/b`],
    ["GET", "/v2/_catalog"],
    ["POST", "/v2/corp/app/blobs/uploads/"],
    ["POST", `/v2/corp/app/blobs/uploads/?digest=${digestOf("a layer")}`, { body: "a layer" }],
    ["PATCH", "/v2/corp/app/blobs/uploads/none", { body: "x", headers: { "Content-Type": bytes } }],
    ["PUT", `/v2/corp/app/blobs/uploads/none?digest=${unknown}`, { body: "x" }],
    ["GET", "/v2/corp/app/blobs/uploads/none"],
    ["DELETE", "/v2/corp/app/blobs/uploads/none"],
    ["POST", `/v2/corp/app/blobs/uploads/?mount=${unknown}&from=library/tool`],
    ["POST", `/v2/corp/app/blobs/uploads/?mount=${unknown}&from=corp/other`],
    ["POST", `/v2/corp/app/blobs/uploads/?mount=${unknown}`],
    ["POST", `/v2/library/tool/blobs/uploads/?mount=${layer}&from=corp/app`],
    ["POST", `/v2/library/tool/blobs/uploads/?mount=${unknown}&from=corp%2Fapp`],
    ["PUT", "/v2/corp/app/manifests/2.0", { body: emptyManifest, headers: { "Content-Type": manifestType } }],
    ["DELETE", `/v2/corp/app/blobs/${unknown}`],
    ["DELETE", `/v2/corp/app/manifests/${unknown}`],
  ];
}

/** Spellings of the name that a server on the way may take for it. */
const spellings = [
  "/v2/%63orp/app/manifests/1.0",
  "/v2/corp%2Fapp/manifests/1.0",
  "/v2/corp%2fapp/manifests/1.0",
  "/v2/corp%252Fapp/manifests/1.0",
  "/v2/corp\\app/manifests/1.0",
  "/v2/corp/./app/manifests/1.0",
  "/v2/corp/%2e/app/manifests/1.0",
  "/v2/corp/x/../app/manifests/1.0",
  "/v2/library/../corp/app/manifests/1.0",
  "/v2/library/%2e%2e/corp/app/manifests/1.0",
  "/v2/library/..%2fcorp/app/manifests/1.0",
  "/v2//corp/app/manifests/1.0",
  "/v2/corp//app/manifests/1.0",
  "//v2/corp/app/manifests/1.0",
  "/v2/CORP/app/manifests/1.0",
  "/v2/Corp/App/manifests/1.0",
  "/v2/corp;x/app/manifests/1.0",
  "/v2/corp/app/manifests/1.0?ns=docker.io",
  "/v2/corp/app/manifests/1.0?ns=DOCKER.IO",
  "/v2/corp/app/manifests/1.0?n%73=docker.io",
  "/v2/corp/app/manifests/1.0?ns=quay.io",
  "/v2/corp/app/tags/list?ns=docker.io",
  "http://hub.example.com/v2/corp/app/manifests/1.0",
];

describe.each(Object.entries(rules))("with %s, no proxy hears of the name", (_, rule) => {
  it("in pulls, pushes, lists, referrers, mounts and HEADs", async () => {
    await using sides = await startTwoProxies(rule);
    const { router, proxies, image, hosted } = sides;
    const layer = image.layers[0]?.digest ?? "";

    for (const [method, target, ask] of requestsFor(layer, image.digest)) {
      await fetchRaw(router.url, target, { ...ask, method });
    }

    expect(leaks(proxies)).toEqual([]);
    expect(hosted.requests.filter(({ path }) => path.includes("corp/app")).length).toBeGreaterThan(20);
    expect((await fetchRaw(router.url, "/v2/library/other/manifests/1.0")).status).toBe(200);
  });

  it.each(["first", "hosted", "merge"] as const)("with lists: %s", async (lists) => {
    await using sides = await startTwoProxies(rule, { lists });

    expect((await fetchRaw(sides.router.url, "/v2/corp/app/tags/list")).status).toBe(200);
    expect((await fetchRaw(sides.router.url, "/v2/_catalog?n=5")).status).toBe(200);
    expect(leaks(sides.proxies)).toEqual([]);
  });

  it.each(spellings)("as %s", async (target) => {
    await using sides = await startTwoProxies(rule);

    for (const method of ["GET", "HEAD"]) {
      await fetchRaw(sides.router.url, target, { method });
      await fetchRaw(sides.router.url, target, { method, headers: { Host: "hub.example.com" } });
    }

    expect(leaks(sides.proxies)).toEqual([]);
  });

  it("when a blob of it breaks off", async () => {
    await using sides = await startTwoProxies(rule);
    const { router, hosted, proxies, image } = sides;
    const target = `/v2/corp/app/blobs/${image.layers[0]?.digest}`;
    hosted.fault({ method: "GET", path: target, cutAt: 10 });

    expect((await fetchRaw(router.url, target)).complete).toBe(false);
    expect(leaks(proxies)).toEqual([]);
  });

  it("in half-open probes and health checks of a proxy", async () => {
    await using sides = await startTwoProxies(rule);
    const { router, hub, proxies } = sides;
    const down = hub.fault({ reset: true });
    await openBreakerOf(router, "library/tool");

    await fetchRaw(router.url, "/v2/corp/app/manifests/1.0");
    down.remove();
    await until(5_000, "the proxy to be back", () => isBack(router, "hub"));

    expect(hub.requests.some(({ url }) => url.includes("library/tool"))).toBe(true);
    expect(leaks(proxies)).toEqual([]);
  });

  it("when hosted cannot answer", async () => {
    await using sides = await startTwoProxies(rule);
    sides.hosted.fault({ status: 503 });

    for (const method of ["GET", "HEAD"]) {
      expect((await fetchRaw(sides.router.url, "/v2/corp/app/manifests/1.0", { method })).status).toBe(502);
    }
    expect((await fetchRaw(sides.router.url, "/v2/corp/app/tags/list")).status).toBe(502);
    expect(leaks(sides.proxies)).toEqual([]);
  });
});

describe("a proxy whose breaker opened after failures with a name that has become private since", () => {
  it("by a rule is probed with another name", async () => {
    await using sides = await startTwoProxies({ match: "**" });
    const { router, hub, proxies, hosted } = sides;
    const down = hub.fault({ reset: true });
    await openBreakerOf(router, "corp/app");

    reloadWithPrivateNames(router, hosted, proxies);
    await until(5_000, "no request to be under way", () => hub.openResponses === 0);
    hub.clearRequests();
    down.remove();
    await until(5_000, "the proxy to be back", () => isBack(router, "hub"));

    expect(leaks([hub])).toEqual([]);
  });

  it.each(["here", "through another process"])("by a push %s is tried with another", async (where) => {
    await using sides = await startTwoProxies({ match: "**", owned: true });
    const { router, hub, hosted } = sides;
    const down = hub.fault({ reset: true });
    await openBreakerOf(router, "corp/new");

    const pushed = await putManifest(where === "here" ? router : hosted, "corp/new", "1.0", emptyManifest);
    expect(pushed.status).toBe(201);
    if (where !== "here") {
      router.handler.invalidate({ kind: "put", repository: "corp/new", reference: "1.0", byDigest: false });
    }
    await until(5_000, "no request to be under way", () => hub.openResponses === 0);
    hub.clearRequests();
    down.remove();
    await until(5_000, "the proxy to be back", () => isBack(router, "hub"));

    expect(leaks([hub])).toEqual([]);
  });

  it.each(["push", "rule"] as const)("by a %s while it was being asked is tried with another", async (by) => {
    await using sides = await startTwoProxies({ match: "**", owned: by === "push" });
    const { router, hub, proxies, hosted } = sides;
    const hangs = hub.fault({ hang: true });
    const asked = ["corp/new", "library/tool"].map((name) =>
      fetchRaw(router.url, `/v2/${name}/manifests/1.0`),
    );
    await until(5_000, "both to be asked", () => hangs.hits === 2);

    if (by === "push") {
      await putManifest(router, "corp/new", "1.0", emptyManifest);
    } else {
      reloadWithPrivateNames(router, hosted, proxies);
    }
    hub.clearRequests();
    await Promise.all(asked);
    hangs.remove();
    await until(5_000, "the proxy to be back", async () => {
      await fetchRaw(router.url, "/v2/library/other/manifests/1.0");
      return isBack(router, "hub");
    });

    expect(leaks([hub])).toEqual([]);
  });
});

function reloadWithPrivateNames(
  { handler }: RunningRouter,
  hosted: TestRegistry,
  [hub, other]: readonly TestRegistry[],
): void {
  handler.reload({
    hosted: hosted.url,
    proxy: [
      { name: "hub", url: hub?.url ?? "", namespace: "docker.io", hosts: ["hub.example.com"], ...quick },
      { name: "other", url: other?.url ?? "", ...quick },
    ],
    rules: [{ match: "corp/**", pull: ["hosted"] }],
  });
}

/** Pulls a repository until the breaker of the failing proxy is open, and no probe is in progress. */
async function openBreakerOf(router: RunningRouter, repository: string): Promise<void> {
  await until(5_000, "the breaker to open", async () => {
    await fetchRaw(router.url, `/v2/${repository}/manifests/gone`);
    return (await breakerOf(router, "hub")) === "open";
  });
}

async function isBack(router: RunningRouter, name: string): Promise<boolean> {
  return (await breakerOf(router, name)) === "closed";
}

async function breakerOf({ handler }: RunningRouter, name: string): Promise<string | undefined> {
  const { upstreams } = await handler.health();
  return upstreams.find((upstream) => upstream.name === name)?.breaker;
}
