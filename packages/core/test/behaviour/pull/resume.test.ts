import { createHash, randomInt } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw, type Received } from "../../support/client.ts";
import { listen, startRouter } from "../../support/router.ts";
import { startSides } from "../../support/sides.ts";
import { until } from "../../support/within.ts";

const repository = "library/large";

/** Both sides hold the same blob of random bytes. */
async function startWithBlob(size: number, config: { idle?: number; atHosted?: boolean } = {}) {
  const { idle = 5_000, atHosted = true } = config;
  const logged: Record<string, unknown>[] = [];
  const ignore = () => undefined;
  const sides = await startSides({
    proxies: { proxy: { timeouts: { idle } } },
    router: {
      logger: {
        debug: ignore,
        warn: ignore,
        error: ignore,
        info: (fields) => void logged.push({ ...fields }),
      },
    },
  });
  const { digest } = sides.proxy.addGeneratedBlob(repository, { size, seed: 7 });
  if (atHosted) {
    sides.hosted.addGeneratedBlob(repository, { size, seed: 7 });
  }
  return { ...sides, logged, digest, target: `/v2/${repository}/blobs/${digest}` };
}

function digestOf({ body }: Received): string {
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}

function rangesAsked({ requests }: TestRegistry): unknown[] {
  return requests.map(({ headers }) => headers.range);
}

async function inBatches(count: number, size: number, work: (index: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < count; first += size) {
    await Promise.all(Array.from({ length: size }, (_, index) => work(first + index)));
  }
}

describe("a blob whose upstream breaks off", () => {
  it("is delivered whole, 200 times of 200, wherever it breaks off", async () => {
    const size = 700_000;
    await using sides = await startWithBlob(size);
    const { proxy, hosted, router, digest, target } = sides;

    await inBatches(200, 10, async () => {
      const cutAt = randomInt(size);
      proxy.fault({ cutAt, times: 1 });
      const answer = await fetchRaw(router.url, target);
      expect({ cutAt, complete: answer.complete, digest: digestOf(answer) }).toEqual({
        cutAt,
        complete: true,
        digest,
      });
    });

    const goneOn = [...rangesAsked(proxy), ...rangesAsked(hosted)].filter((range) => range !== undefined);
    expect(goneOn.length).toBeGreaterThan(150);
    expect(await router.handler.metrics.metrics()).toMatch(
      /resumed_bodies_total\{from="proxy",to="proxy"\} \d/,
    );
  }, 60_000);

  it("is resumed from another upstream", async () => {
    await using sides = await startWithBlob(300_000);
    const { proxy, hosted, router, digest, target, logged } = sides;
    proxy.fault({ path: target, reset: true });
    proxy.fault({ path: target, cutAt: 100_000, times: 1 });

    const answer = await fetchRaw(router.url, target);

    expect([answer.complete, digestOf(answer)]).toEqual([true, digest]);
    expect(rangesAsked(hosted)).toEqual(["bytes=100000-299999"]);
    await until(2_000, "the account", () => logged.length === 1);
    expect(logged[0]?.reason).toBe(
      "found; proxy broke off at byte 100000 (connection closed), hosted resumed",
    );
    expect(logged[0]?.bytesToClient).toBe(300_000);
  });

  it("is resumed when it stalls", async () => {
    await using sides = await startWithBlob(300_000, { idle: 80 });
    const { proxy, router, digest, target } = sides;
    proxy.fault({ stallAt: 100_000, times: 1 });

    const answer = await fetchRaw(router.url, target);

    expect([answer.complete, digestOf(answer)]).toEqual([true, digest]);
  });

  it("is resumed within the range that the client requested", async () => {
    await using sides = await startWithBlob(300_000);
    const { proxy, router, target } = sides;
    const whole = await fetchRaw(router.url, target);
    proxy.clearRequests();
    proxy.fault({ cutAt: 10_000, times: 1 });

    const answer = await fetchRaw(router.url, target, { headers: { Range: "bytes=1000-200999" } });

    expect([answer.status, answer.complete]).toEqual([206, true]);
    expect(answer.body.equals(whole.body.subarray(1000, 201_000))).toBe(true);
    expect(rangesAsked(proxy)).toEqual(["bytes=1000-200999", "bytes=11000-200999"]);
  });

  it("is resumed as long as an upstream sends some of it each time", async () => {
    const size = 12 * 1024 * 1024;
    await using sides = await startWithBlob(size, { atHosted: false });
    const { proxy, router, digest, target } = sides;
    proxy.fault({ cutAt: 2 * 1024 * 1024 });

    const answer = await fetchRaw(router.url, target);

    expect([answer.complete, digestOf(answer)]).toEqual([true, digest]);
    expect(proxy.requests).toHaveLength(6);
  });
});

describe("a blob that every upstream breaks off", () => {
  it("is a broken connection, 200 times of 200, and never a short body that looks whole", async () => {
    const size = 700_000;
    await using sides = await startWithBlob(size);
    const { proxy, hosted, router, target } = sides;
    proxy.fault({ cutAt: 60_000 });
    hosted.fault({ cutAt: 60_000 });

    await inBatches(200, 10, async () => {
      const { status, complete, body } = await fetchRaw(router.url, target);
      expect([status, complete, body.length < size]).toEqual([200, false, true]);
    });

    await until(2_000, "no answer to be left open", () => proxy.openResponses + hosted.openResponses === 0);
  }, 60_000);

  it("is given up soon where upstreams send almost nothing", async () => {
    await using sides = await startWithBlob(700_000, { atHosted: false });
    const { proxy, router, target } = sides;
    proxy.fault({ cutAt: 10 });

    expect((await fetchRaw(router.url, target)).complete).toBe(false);
    expect(proxy.requests).toHaveLength(4);
  });

  it("leaves nothing open when the client leaves during a resume", async () => {
    await using sides = await startWithBlob(700_000, { atHosted: false });
    const { proxy, router, target } = sides;
    const hanging = proxy.fault({ hang: true });
    proxy.fault({ cutAt: 1_000, times: 1 });
    const controller = new AbortController();
    const answer = await fetch(`${router.url}${target}`, { signal: controller.signal });
    await until(5_000, "the proxy to be asked to go on", () => hanging.hits === 1);

    controller.abort();

    await expect(answer.arrayBuffer()).rejects.toThrow();
    await until(2_000, "no answer to be left open", () => proxy.openResponses === 0);
  });
});

describe("a response to the request that resumes", () => {
  const content = Buffer.from(Array.from({ length: 5_000 }, (_, index) => index % 251));
  const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;

  /** A proxy that breaks off after 1000 bytes, and then answers ranges as it is told. */
  async function pullWith(
    goOn: (request: IncomingMessage, response: ServerResponse) => void,
  ): Promise<Received> {
    await using hosted = await startRegistry();
    let asked = 0;
    const server = createServer((request, response) => {
      asked += 1;
      if (asked > 1) {
        goOn(request, response);
        return;
      }
      response.writeHead(200, { "Content-Length": content.length });
      response.write(content.subarray(0, 1000), () => request.socket.destroy());
    });
    const port = await listen(server);
    try {
      await using router = await startRouter({ hosted: hosted.url, proxy: `http://127.0.0.1:${port}` });
      return await fetchRaw(router.url, `/v2/a/blobs/${digest}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  const rest = content.subarray(1000);
  const partial =
    (range: string, body: Buffer, more: object = {}) =>
    (_: IncomingMessage, response: ServerResponse) =>
      void response
        .writeHead(206, { "Content-Range": range, "Content-Length": body.length, ...more })
        .end(body);

  it.each([
    ["the rest", partial("bytes 1000-4999/5000", rest)],
    ["the rest, with its digest", partial("bytes 1000-4999/5000", rest, { "Docker-Content-Digest": digest })],
    [
      "everything, as a cache does that has not got all of it yet",
      (_: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(200, { "Content-Length": content.length }).end(content),
    ],
  ])("is used if it is %s", async (_, goOn) => {
    const answer = await pullWith(goOn);

    expect([answer.complete, answer.body.equals(content)]).toEqual([true, true]);
  });

  it.each([
    ["begins elsewhere", partial("bytes 900-4899/5000", rest)],
    ["ends elsewhere", partial("bytes 1000-4998/5000", rest.subarray(1))],
    ["is of another length altogether", partial("bytes 1000-4999/6000", rest)],
    ["has not the length that it says", partial("bytes 1000-4999/5000", rest.subarray(1))],
    [
      "is said to be other content",
      partial("bytes 1000-4999/5000", rest, { "Docker-Content-Digest": "sha256:00" }),
    ],
    ["is compressed", partial("bytes 1000-4999/5000", rest, { "Content-Encoding": "gzip" })],
    [
      "is everything, but of another length",
      (_: IncomingMessage, response: ServerResponse) =>
        void response.writeHead(200, { "Content-Length": 4_999 }).end(content.subarray(1)),
    ],
    ["is an error", (_: IncomingMessage, response: ServerResponse) => void response.writeHead(500).end("no")],
  ])("is refused if it %s", async (_, goOn) => {
    const answer = await pullWith(goOn);

    expect([answer.complete, answer.body.equals(content.subarray(0, 1000))]).toEqual([false, true]);
  });
});
