import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { exchange, request } from "../src/http.ts";
import { content, image } from "../src/images.ts";
import { childrenOf } from "../src/processes.ts";
import { Resources } from "../src/resources.ts";
import { type Router, startRouter } from "../src/router.ts";
import { seed } from "../src/seed.ts";

const mebibyte = 1024 * 1024;
const size = 64 * mebibyte;

describe("a router of two processes", () => {
  const resources = new Resources();
  let proxy: TestRegistry;
  let other: TestRegistry;
  let hosted: TestRegistry;
  let router: Router;
  let folder: string;
  let target: string;
  let digest: string;

  beforeAll(async () => {
    proxy = resources.use(await startRegistry());
    other = resources.use(await startRegistry());
    hosted = resources.use(await startRegistry());
    proxy.addImage("library/tool", { tag: "1.0", layers: ["old"] });
    other.addImage("library/tool", { tag: "1.0", layers: ["new"] });
    ({ digest } = proxy.addGeneratedBlob("library/large", { size, seed: 5 }));
    target = `/v2/library/large/blobs/${digest}`;
  }, 60_000);

  beforeEach(async () => {
    folder = await resources.folder();
    await configure(proxy);
    router = resources.use(await startRouter({ args: ["--config", join(folder, "router.json")], folder }));
  }, 30_000);

  afterAll(() => resources[Symbol.asyncDispose](), 30_000);

  function configure(upstream: TestRegistry): Promise<void> {
    const config = {
      host: "127.0.0.1",
      workers: 2,
      hosted: hosted.url,
      proxy: upstream.url,
      reload: "signal",
    };
    return writeFile(join(folder, "router.json"), JSON.stringify(config));
  }

  /** Pulls as clients do: what breaks off is gone on with by Range. */
  async function pull(): Promise<{ digest: string; breaks: number }> {
    const hash = createHash("sha256");
    let received = 0;
    for (let breaks = 0; ; breaks++) {
      try {
        const headers = received === 0 ? {} : { Range: `bytes=${received}-` };
        const response = await exchange(router.origin, target, { method: "GET", headers });
        expect(response.statusCode).toBe(received === 0 ? 200 : 206);
        for await (const chunk of response) {
          hash.update(chunk);
          received += chunk.length;
        }
        return { digest: `sha256:${hash.digest("hex")}`, breaks };
      } catch (error) {
        if (breaks === 3) {
          throw error;
        }
      }
    }
  }

  it("takes a push whose requests are answered by either, and pulls it back", async () => {
    const pushed = await image("by two");
    for (let number = 0; number < 5; number++) {
      await seed(router.origin, `acme/app-${number}`, "1.0", pushed);
    }

    const back = await request(router.origin, "GET", "/v2/acme/app-4/manifests/1.0");

    expect(content(back.body).digest).toBe(pushed.manifest.digest);
    expect(hosted.requests.filter(({ method }) => method === "PUT").length).toBeGreaterThan(10);
  }, 60_000);

  it("goes on serving pulls when one process after the other is killed", async () => {
    const pulls = Promise.all(Array.from({ length: 8 }, pull));
    for (let number = 0; number < 2; number++) {
      const [first] = await childrenOf(router.pid);
      if (first === undefined) {
        throw new Error("no worker");
      }
      const ready = router.logs('"worker is ready"');
      process.kill(first, "SIGKILL");
      await ready;
    }

    const done = await pulls;

    expect(new Set(done.map((one) => one.digest))).toEqual(new Set([digest]));
    expect((await childrenOf(router.pid)).length).toBe(2);
    router.signal("SIGTERM");
    expect(await router.ended()).toBe(0);
  }, 120_000);

  it("answers nobody by the configuration of before once a reload is reported, and fails no request", async () => {
    const tag = "/v2/library/tool/manifests/1.0";
    const digests = [proxy, other].map((one) => content(one.manifest("library/tool", "1.0") ?? "").digest);
    const statuses: number[] = [];
    let loading = true;
    const client = async () => {
      while (loading) {
        statuses.push((await request(router.origin, "GET", tag)).status);
      }
    };
    const clients = Promise.all([client(), client(), client()]);
    const seen: string[][] = [];
    for (let number = 1; number <= 20; number++) {
      await configure(number % 2 === 1 ? other : proxy);
      const reloaded = router.logs('"reloaded"');
      router.signal("SIGHUP");
      await reloaded;
      const replies = await Promise.all(Array.from({ length: 6 }, () => request(router.origin, "GET", tag)));
      seen.push([...new Set(replies.map(({ body }) => content(body).digest))]);
    }
    loading = false;
    await clients;

    expect(seen).toEqual(Array.from({ length: 20 }, (_, number) => [digests[(number + 1) % 2]]));
    expect(statuses.length).toBeGreaterThan(50);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  }, 120_000);
});
