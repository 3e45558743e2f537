import { once } from "node:events";
import { Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { until, within } from "@combined-registry/deadline";
import { startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Resources } from "../src/resources.ts";
import { type Router, startRouter } from "../src/router.ts";
import { openSession } from "../src/seed.ts";

const mebibyte = 1024 * 1024;

describe("clients that leave in the middle", () => {
  const resources = new Resources();
  let router: Router;
  let proxy: TestRegistry;
  let hosted: TestRegistry;
  let target: string;
  let sent = 0;
  /** Sockets of a router that has done nothing yet: the listener, and its standard output. */
  let atRest = 0;

  beforeAll(async () => {
    proxy = resources.use(await startRegistry());
    hosted = resources.use(await startRegistry({ discardUploads: true }));
    // Held, not generated: making bytes that nobody takes would be most of what this process does.
    const { digest } = proxy.addBlob("library/large", Buffer.alloc(20 * mebibyte, "large"));
    target = `/v2/library/large/blobs/${digest}`;
    const args = ["--hosted", hosted.url, "--proxy", proxy.url, "--host", "127.0.0.1", "--log-level", "info"];
    router = resources.use(await startRouter({ args, folder: await resources.folder() }));
    atRest = await router.openSockets();
  }, 30_000);

  afterAll(() => resources[Symbol.asyncDispose](), 30_000);

  function send(method: string, path: string, headers: Record<string, number> = {}): ClientRequest {
    sent += 1;
    const { hostname, port } = new URL(router.origin);
    const request = httpRequest({ hostname, port, method, path, headers, agent: new Agent() });
    request.on("error", () => undefined);
    return request;
  }

  /** Some leave before the answer, some with its head, some after a part of it. */
  async function abortDownload(number: number): Promise<void> {
    const request = send("GET", target);
    request.end();
    if (number % 10 === 0) {
      await once(request, "socket");
      request.destroy();
      return;
    }
    const [response]: IncomingMessage[] = await once(request, "response");
    let left = (number % 10) * 200_000;
    response?.on("error", () => undefined);
    await new Promise<void>((resolve) => {
      response?.on("data", (chunk: Buffer) => {
        left -= chunk.length;
        if (left <= 0) {
          resolve();
        }
      });
    });
    request.destroy();
  }

  async function abortUpload(number: number): Promise<void> {
    const session = await openSession(router.origin, "acme/large");
    const request = send("PATCH", session, { "Content-Length": 20 * mebibyte });
    const part = Buffer.alloc((number % 10) * 100_000 + 1, number);
    await new Promise<void>((resolve) => request.write(part, () => resolve()));
    request.destroy();
  }

  async function inBatches(count: number, work: (number: number) => Promise<void>): Promise<void> {
    for (let first = 0; first < count; first += 50) {
      const batch = Array.from({ length: 50 }, (_, index) => work(first + index));
      await within(`clients ${first} to ${first + 49} to leave`, 30_000, Promise.all(batch));
    }
  }

  /** Upstreams close what is kept for them after 5 s, so that what is left then are leaks. */
  async function settled(): Promise<{ sockets: number; memory: number }> {
    await until("upstreams to be left alone", 15_000, async () =>
      [proxy, hosted].every(({ openResponses }) => openResponses === 0),
    );
    let sockets = Number.POSITIVE_INFINITY;
    await until("no sockets but those at rest", 20_000, async () => {
      sockets = await router.openSockets();
      return sockets <= atRest;
    });
    return { sockets, memory: await router.memory() };
  }

  it("leave nothing behind: 2,000 downloads and 500 uploads later, sockets and memory are where they were", async () => {
    // So many that the heap has grown to what such traffic needs: what is added later is a leak's.
    await inBatches(1_000, abortDownload);
    await inBatches(500, abortUpload);
    const before = await settled();

    await inBatches(2_000, abortDownload);
    await inBatches(500, abortUpload);

    const after = await settled();
    expect(sent).toBe(4_000);
    expect(after.sockets).toBeLessThanOrEqual(atRest);
    expect(after.memory - before.memory).toBeLessThan(40 * mebibyte);
  }, 300_000);
});
