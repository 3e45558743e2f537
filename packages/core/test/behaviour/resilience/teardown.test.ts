import { connect } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { fetchRaw } from "../../support/client.ts";
import { startRouter } from "../../support/router.ts";
import { until, within } from "../../support/within.ts";

const size = 64 * 1024 * 1024;

/** Takes the first bytes of an answer and then slams the door. */
function abortAfterFirstBytes(port: number, target: string): Promise<void> {
  return within(
    10_000,
    `first bytes of ${target}`,
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () =>
        socket.write(`GET ${target} HTTP/1.1\r\nHost: r\r\n\r\n`),
      );
      socket.on("error", reject);
      socket.once("data", () => {
        socket.off("error", reject);
        socket.on("error", () => undefined);
        socket.resetAndDestroy();
        resolve();
      });
    }),
  );
}

describe("100 downloads aborted in the middle", () => {
  it("leave no upstream response open two seconds later", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    const blob = proxy.addGeneratedBlob("big", { size, seed: 1 });
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    for (let batch = 0; batch < 10; batch++) {
      await Promise.all(
        Array.from({ length: 10 }, () => abortAfterFirstBytes(router.port, `/v2/big/blobs/${blob.digest}`)),
      );
    }

    expect(proxy.requests).toHaveLength(100);
    await until(2000, "no upstream response is open", () => proxy.openResponses === 0);
    await until(2000, "no upstream connection is left behind", () => proxy.openConnections === 0);
  });
});

describe("a peer that stalls", () => {
  it("upstream: the client's connection is broken off after the idle time", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    const blob = proxy.addBlob("stuck", Buffer.alloc(400_000));
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: { url: proxy.url, timeouts: { idle: 100 } },
    });
    // Each time: what went on with it would stand still too.
    proxy.fault({ stallAt: 50_000 });

    const answer = await fetchRaw(router.url, `/v2/stuck/blobs/${blob.digest}`);

    expect(answer.status).toBe(200);
    expect(answer.complete).toBe(false);
  });

  it("client: the upstream's response is given up after the client's idle time", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    const blob = proxy.addGeneratedBlob("big", { size, seed: 2 });
    await using router = await startRouter({
      hosted: hosted.url,
      proxy: proxy.url,
      limits: { clientIdle: 200 },
    });
    const socket = connect(router.port, "127.0.0.1", () =>
      socket.write(`GET /v2/big/blobs/${blob.digest} HTTP/1.1\r\nHost: r\r\n\r\n`),
    );
    socket.on("error", () => undefined);
    socket.pause();
    await until(5000, "the download begins", () => proxy.openResponses === 1);

    await until(5000, "the upstream's response is given up", () => proxy.openResponses === 0);

    expect(socket.bytesRead).toBeLessThan(size);
    socket.destroy();
  });
});

describe("close", () => {
  it("waits for requests in progress, and /readyz fails meanwhile", async () => {
    await using proxy = await startRegistry();
    await using hosted = await startRegistry();
    const blob = hosted.addBlob("slow", "slow but whole");
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });
    hosted.fault({ delay: 300, path: /blobs/ });
    const pull = fetchRaw(router.url, `/v2/slow/blobs/${blob.digest}`);
    await until(5000, "hosted is asked", () => hosted.requests.length > 0);

    const closing = router.handler.close();
    const ready = await fetchRaw(router.url, "/readyz");
    const pulled = await pull;
    await within(2000, "close", closing);

    expect([ready.status, JSON.parse(ready.body.toString())]).toEqual([503, { status: "draining" }]);
    expect(ready.headers.connection).toBe("close");
    expect(pulled.body.toString()).toBe("slow but whole");
  });
});
