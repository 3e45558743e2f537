import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { within } from "@combined-registry/deadline";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { request } from "../src/http.ts";
import { moment } from "../src/moment.ts";
import { Resources } from "../src/resources.ts";
import { type Router, startRouter } from "../src/router.ts";
import { openSession, withDigest } from "../src/seed.ts";

const mebibyte = 1024 * 1024;
const pieces = 1024;
const size = pieces * mebibyte;

describe("a pull and a push of 1 GiB each under way", () => {
  const resources = new Resources();
  let proxy: TestRegistry;
  let other: TestRegistry;
  let hosted: TestRegistry;
  let router: Router;
  let folder: string;
  let blob: { digest: string };
  let pushed: string;

  beforeAll(async () => {
    proxy = resources.use(await startRegistry());
    other = resources.use(await startRegistry());
    hosted = resources.use(await startRegistry({ discardUploads: true }));
    other.addImage("library/new", { tag: "1.0", layers: ["new"] });
    blob = proxy.addGeneratedBlob("library/large", { size, seed: 5 });
    const hash = createHash("sha256");
    for (let number = 0; number < pieces; number++) {
      hash.update(piece(number));
    }
    pushed = `sha256:${hash.digest("hex")}`;
  }, 60_000);

  beforeEach(async () => {
    folder = await resources.folder();
    await configure(proxy);
    const args = ["--config", join(folder, "router.json")];
    router = resources.use(await startRouter({ args, folder }));
  }, 30_000);

  afterAll(() => resources[Symbol.asyncDispose](), 30_000);

  function configure(upstream: TestRegistry): Promise<void> {
    const config = { host: "127.0.0.1", hosted: hosted.url, proxy: upstream.url, reload: "signal" };
    return writeFile(join(folder, "router.json"), JSON.stringify({ ...config, metrics: { process: true } }));
  }

  /** Of the router's heap and of buffers outside of it. */
  async function memoryInUse(): Promise<number> {
    const metrics = (await request(router.origin, "GET", "/metrics")).body.toString();
    return ["nodejs_heap_size_used_bytes", "nodejs_external_memory_bytes"].reduce((sum, name) => {
      const [, value = "none"] = new RegExp(`^${name} (\\S+)`, "m").exec(metrics) ?? [];
      return sum + Number(value);
    }, 0);
  }

  function piece(number: number): Buffer {
    return Buffer.alloc(mebibyte, `piece ${number} `);
  }

  /** Reads a tenth, waits for the moment, and reads the rest. */
  async function pull(begun: () => void, middle: Promise<void>): Promise<string> {
    const { hostname, port } = new URL(router.origin);
    const sent = httpRequest({
      hostname,
      port,
      path: `/v2/library/large/blobs/${blob.digest}`,
      agent: false,
    });
    sent.end();
    const [response]: IncomingMessage[] = await once(sent, "response");
    const hash: Hash = createHash("sha256");
    let received = 0;
    for await (const chunk of response ?? []) {
      hash.update(chunk);
      if (received < size / 10 && received + chunk.length >= size / 10) {
        begun();
        await middle;
      }
      received += chunk.length;
    }
    return `sha256:${hash.digest("hex")}`;
  }

  /** Sends a tenth, waits for the moment, and sends the rest. */
  async function push(begun: () => void, middle: Promise<void>): Promise<number | undefined> {
    const { hostname, port } = new URL(router.origin);
    const path = withDigest(await openSession(router.origin, "acme/large"), pushed);
    const headers = { "Content-Length": size, "Content-Type": "application/octet-stream" };
    const sent = httpRequest({ hostname, port, method: "PUT", path, headers, agent: false });
    const answered = once(sent, "response");
    async function* body() {
      for (let number = 0; number < pieces; number++) {
        if (number === Math.floor(pieces / 10)) {
          begun();
          await middle;
        }
        yield piece(number);
      }
    }
    await pipeline(Readable.from(body()), sent);
    const [response]: IncomingMessage[] = await answered;
    response?.resume();
    return response?.statusCode;
  }

  /** Both, up to the middle; `finish` lets them go on. */
  async function both() {
    const [pulling, pushing, middle] = [moment(), moment(), moment()];
    const done = Promise.all([pull(pulling.pass, middle.passed), push(pushing.pass, middle.passed)]);
    await within(
      "both to be in the middle",
      30_000,
      Promise.race([Promise.all([pulling.passed, pushing.passed]), done]),
    );
    return {
      async finish() {
        middle.pass();
        return within("both to end", 60_000, done);
      },
    };
  }

  async function expectWhole(under: Awaited<ReturnType<typeof both>>): Promise<void> {
    const [pulled, status] = await under.finish();
    expect(pulled).toBe(blob.digest);
    expect(status).toBe(201);
    expect(hosted.hasBlob("acme/large", pushed)).toBe(true);
  }

  it("both end whole after SIGTERM, while nobody new gets in; then the exit code is 0", async () => {
    const under = await both();

    router.signal("SIGTERM");
    await router.logged("finishing requests in flight");
    await expect(request(router.origin, "GET", "/readyz")).rejects.toThrow(/ECONNREFUSED/);

    await expectWhole(under);
    expect(await router.ended()).toBe(0);
  }, 120_000);

  it("both end whole over a reload, and the next request goes by the new configuration", async () => {
    const under = await both();
    await configure(other);

    router.signal("SIGHUP");
    await router.logged('"reloaded"');
    const next = await request(router.origin, "GET", "/v2/library/new/manifests/1.0");

    expect(next.status).toBe(200);
    await expectWhole(under);
  }, 120_000);

  it("a hundred reloads under load fail no request and leave memory level", async () => {
    const target = "/v2/library/tool/manifests/1.0";
    proxy.addImage("library/tool", { tag: "1.0", layers: ["x"] });
    other.addImage("library/tool", { tag: "1.0", layers: ["y"] });
    const statuses: number[] = [];
    let loading = true;
    const client = async () => {
      while (loading) {
        statuses.push((await request(router.origin, "GET", target)).status);
      }
    };
    const clients = Promise.all([client(), client(), client()]);
    const reload = async (number: number) => {
      await configure(number % 2 === 1 ? other : proxy);
      const reloaded = router.logs('"reloaded"');
      router.signal("SIGHUP");
      await reloaded;
    };
    /** The least that was in use after one of thirty: what a collection of garbage leaves. */
    const thirty = async (first: number) => {
      let least = Number.POSITIVE_INFINITY;
      for (let number = first; number < first + 30; number++) {
        await reload(number);
        least = Math.min(least, await memoryInUse());
      }
      return least;
    };
    const before = await thirty(1);
    for (let number = 31; number <= 100; number++) {
      await reload(number);
    }
    const after = await thirty(101);
    loading = false;
    await clients;

    expect(statuses.length).toBeGreaterThan(200);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(after - before).toBeLessThan(20 * mebibyte);
  }, 120_000);
});

describe("/readyz", () => {
  it("says 503 for as long as connections are still taken after SIGTERM, so that load balancers see it", async () => {
    await using hosted = await startRegistry();
    const resources = new Resources();
    const folder = await resources.folder();
    await writeFile(
      join(folder, "router.json"),
      JSON.stringify({ host: "127.0.0.1", hosted: hosted.url, proxy: hosted.url, drain: { delay: 1_000 } }),
    );
    const router = await startRouter({ args: ["--config", join(folder, "router.json")], folder });
    expect((await request(router.origin, "GET", "/readyz")).status).toBe(200);

    router.signal("SIGTERM");
    await router.logged("finishing requests in flight");

    expect((await request(router.origin, "GET", "/readyz")).status).toBe(503);
    expect((await request(router.origin, "GET", "/v2/")).status).toBe(200);
    expect(await router.ended()).toBe(0);
    await resources[Symbol.asyncDispose]();
  }, 30_000);
});
