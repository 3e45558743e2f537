import { aggregateMetrics, type PeersConfig, sumMetrics } from "@combined-registry/core";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { lasting, openBreaker, privateTag, startWithImages } from "../../support/breaker.ts";
import { fetchRaw } from "../../support/client.ts";
import { emptyConfig, manifestType, referrer } from "../../support/referrers.ts";
import { startRouter } from "../../support/router.ts";

// For programs that run one router per process behind one port.

const pulled =
  'combined_registry_http_requests_total{route="manifest",method="GET",status="200",upstream="hosted"}';
const took = 'combined_registry_http_request_duration_seconds_count{route="manifest",method="GET"}';

function figure(text: string, metric: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${metric} `));
  return Number(line?.slice(metric.length + 1) ?? "nothing");
}

/** Two routers in front of the same registries; one has left the proxy out after failures, the other has not. */
async function startTwo() {
  const sides = await startWithImages({
    proxies: { proxy: lasting },
    router: { metrics: { process: true } },
  });
  const { proxy, hosted, router } = sides;
  const other = await startRouter({ hosted: hosted.url, proxy: proxy.url, metrics: { process: true } });
  await fetchRaw(other.url, privateTag);
  proxy.fault({ reset: true });
  await openBreaker(router);
  return {
    snapshots: () => Promise.all([router, other].map(({ handler }) => handler.metrics.getMetricsAsJSON())),
    async [Symbol.asyncDispose]() {
      await other[Symbol.asyncDispose]();
      await sides[Symbol.asyncDispose]();
    },
  };
}

describe("metrics of several processes", () => {
  it("are summed, and of an upstream's states the worst is shown", async () => {
    await using two = await startTwo();

    // As they come out at the other end of a channel between processes.
    const text = await aggregateMetrics(structuredClone(await two.snapshots()));

    expect([pulled, took].map((metric) => figure(text, metric))).toEqual([4, 4]);
    expect(figure(text, 'combined_registry_breaker_state{upstream="proxy"}')).toBe(2);
    expect(figure(text, 'combined_registry_breaker_state{upstream="hosted"}')).toBe(0);
    expect(figure(text, 'combined_registry_upstream_up{upstream="proxy"}')).toBe(0);
    expect(text.match(/^combined_registry_build_info\{.*$/gm)).toEqual([expect.stringMatching(/\} 1$/)]);
    expect(figure(text, "process_start_time_seconds")).toBeGreaterThan(1e9);
    expect(figure(text, "process_start_time_seconds")).toBeLessThan(3e9);
  });

  it("keep the counts of a process that has ended, but not its states", async () => {
    await using two = await startTwo();
    const [ended = [], running = []] = structuredClone(await two.snapshots());

    const text = await aggregateMetrics([running], await sumMetrics([await sumMetrics([ended]), []]));

    expect([pulled, took].map((metric) => figure(text, metric))).toEqual([4, 4]);
    expect(figure(text, 'combined_registry_breaker_state{upstream="proxy"}')).toBe(0);
    expect(figure(text, "nodejs_version_info")).toBeNaN();
  });

  it("are what /metrics answers where the host application provides them, until a reload changes that", async () => {
    await using sides = await startWithImages({
      proxies: { proxy: {} },
      router: { metrics: { page: async () => "all of them\n" } },
    });
    const { router, hosted, proxy } = sides;

    const page = await fetchRaw(router.url, "/metrics");
    router.handler.reload({ hosted: hosted.url, proxy: proxy.url });
    const own = await fetchRaw(router.url, "/metrics");

    expect(page.body.toString()).toBe("all of them\n");
    expect(page.headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(own.body.toString()).toContain("combined_registry_build_info");
  });

  it("are an error if they cannot be read, instead of incomplete", async () => {
    const page = () => Promise.reject(new Error("no other process is reachable"));
    await using sides = await startWithImages({ proxies: { proxy: {} }, router: { metrics: { page } } });

    expect((await fetchRaw(sides.router.url, "/metrics")).status).toBe(500);
  });
});

describe("referrers indexes that several processes write", () => {
  it("are written under the host application's lock, with one key for each subject", async () => {
    const keys: string[] = [];
    const hosted = await startRegistry({ referrers: false });
    hosted.addBlob("a", "{}");
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: hosted.url,
      peers: {
        async withLock(key, work) {
          keys.push(`begin ${key}`);
          try {
            return await work();
          } finally {
            keys.push(`end ${key}`);
          }
        },
        publish: async () => undefined,
      },
    });
    const push = (subject: string, note: string) =>
      fetchRaw(router.url, `/v2/a/manifests/${note}`, {
        method: "PUT",
        headers: { "Content-Type": manifestType },
        body: JSON.stringify(referrer(subject, "type/signature", note)),
      });
    const [one, other] = [`sha256:${"a".repeat(64)}`, `sha256:${"b".repeat(64)}`];

    const statuses = [await push(one, "x"), await push(one, "y"), await push(other, "z")];
    await hosted.close();

    expect(statuses.map(({ status }) => status)).toEqual([201, 201, 201]);
    const [first = "", , , , last = ""] = keys;
    expect(keys).toEqual([first, first, last].flatMap((key) => [key, key.replace("begin", "end")]));
    expect(first).not.toBe(last);
  });
});

describe("the caches of one process, when another one changes content", () => {
  /** Two routers in front of the same registries, each of which receives the changes of the other. */
  async function startPair(heeds: boolean) {
    const [hosted, proxy] = await Promise.all([startRegistry(), startRegistry()]);
    const upstreams = { hosted: hosted.url, proxy: proxy.url };
    const other = await startRouter(upstreams);
    const peers: PeersConfig = {
      withLock: (_key, work) => work(),
      async publish(change) {
        if (!heeds) {
          throw new Error("no other process is reachable");
        }
        other.handler.invalidate(structuredClone(change));
      },
    };
    const one = await startRouter({ ...upstreams, peers });
    return {
      hosted,
      one,
      other,
      async [Symbol.asyncDispose]() {
        await Promise.all([one, other].map((router) => router[Symbol.asyncDispose]()));
        await Promise.all([hosted, proxy].map((registry) => registry.close()));
      },
    };
  }

  it("are invalidated before a delete is answered", async () => {
    await using pair = await startPair(true);
    const { digest } = pair.hosted.addImage("team/app", { tag: "1" });
    const path = `/v2/team/app/manifests/${digest}`;
    const before = await fetchRaw(pair.other.url, path);

    const deleted = await fetchRaw(pair.one.url, path, { method: "DELETE" });
    const after = await fetchRaw(pair.other.url, path);

    expect([before.status, deleted.status, after.status]).toEqual([200, 202, 404]);
  });

  it("do not hide a tag just pushed to a repository that hosted did not have", async () => {
    await using pair = await startPair(true);
    const path = "/v2/team/new/manifests/1";
    const before = await fetchRaw(pair.other.url, path);
    pair.hosted.addBlob("team/new", "{}");

    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: emptyConfig,
      layers: [],
    });
    const headers = { "Content-Type": manifestType };
    const pushed = await fetchRaw(pair.one.url, path, { method: "PUT", headers, body });
    const after = await fetchRaw(pair.other.url, path);

    expect([before.status, pushed.status, after.status]).toEqual([404, 201, 200]);
  });

  it("do not fail a push or delete that hosted accepted, if the message to other processes fails", async () => {
    await using pair = await startPair(false);
    const { digest } = pair.hosted.addImage("team/app", { tag: "1" });

    const deleted = await fetchRaw(pair.one.url, `/v2/team/app/manifests/${digest}`, { method: "DELETE" });

    expect(deleted.status).toBe(202);
  });
});
