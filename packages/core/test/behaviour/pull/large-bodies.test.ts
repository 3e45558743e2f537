import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it, jest } from "@jest/globals";
import { processBuffers } from "../../../src/upstream/transport/buffers.ts";
import { fetchRaw } from "../../support/client.ts";
import { listen, startRouter } from "../../support/router.ts";
import { until, within } from "../../support/within.ts";

// Hundreds of megabytes, on a machine that may have other things to do.
jest.setTimeout(60_000);

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), "utf8");
const cert = fixture("test-only.cert.pem");
const key = fixture("test-only.key.pem");
const mebibyte = 1024 * 1024;

interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
  readonly path: string;
}

function blobOf(bytes: Buffer): Blob {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { digest, bytes, path: `/v2/team/app/blobs/${digest}` };
}

/** A proxy that answers a blob in a way of its own, and counts its connections. */
async function startProxy(
  answer: (response: ServerResponse, path: string, range?: string) => void,
  secure = false,
) {
  let connections = 0;
  let open = 0;
  const listener = ({ url = "", headers }: IncomingMessage, response: ServerResponse) =>
    answer(response, url, headers.range);
  const server = secure ? createSecureServer({ key, cert }, listener) : createServer(listener);
  server.on("connection", (socket) => {
    connections += 1;
    open += 1;
    // It may be cut off in the middle of what it is sent.
    socket
      .on("error", () => undefined)
      .on("close", () => {
        open -= 1;
      });
  });
  const port = await listen(server);
  return {
    url: `${secure ? "https" : "http"}://127.0.0.1:${port}`,
    connections: () => connections,
    open: () => open,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Writes bytes in chunks of very different sizes, each in a tick of its own. */
async function writeUnevenly(response: ServerResponse, bytes: Buffer): Promise<void> {
  const sizes = [1, 100, 16_384, 70_000, 1_500_000, 3, 300_000];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    response.write(bytes.subarray(at, at + size));
    at += size;
    await nextTurn();
  }
  response.end();
}

describe.each([
  ["plain", false],
  ["TLS", true],
])("a large body over %s", (_, secure) => {
  const proxyAt = (url: string) => ({ url, tls: secure ? { ca: cert, serverName: "localhost" } : {} });

  it("reaches each of several clients unchanged", async () => {
    const blobs = [1, 2, 3, 4, 5, 6].map(() => blobOf(randomBytes(9 * mebibyte + 4321)));
    const serve = (response: ServerResponse, path: string) => {
      const bytes = blobs.find((blob) => blob.path === path)?.bytes ?? Buffer.alloc(0);
      response.writeHead(200, { "Content-Length": bytes.length });
      void writeUnevenly(response, bytes);
    };
    await using proxy = await startProxy(serve, secure);
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxyAt(proxy.url) });

    const received = await within(
      30_000,
      "every blob",
      Promise.all(blobs.flatMap(({ path }) => [fetchRaw(router.url, path), fetchRaw(router.url, path)])),
    );

    expect(received.map(({ complete, body }) => [complete, blobOf(body).digest])).toEqual(
      blobs.flatMap(({ digest }) => [
        [true, digest],
        [true, digest],
      ]),
    );
  });

  it("reaches a slow client unchanged", async () => {
    const blob = blobOf(randomBytes(20 * mebibyte));
    const serve = (response: ServerResponse) => {
      response.writeHead(200, { "Content-Length": blob.bytes.length });
      response.end(blob.bytes);
    };
    await using proxy = await startProxy(serve, secure);
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxyAt(proxy.url) });

    const hash = createHash("sha256");
    const response = await fetch(`${router.url}${blob.path}`);
    let pieces = 0;
    for await (const piece of response.body ?? []) {
      hash.update(piece);
      pieces += 1;
      if (pieces % 8 === 0) {
        await nextTurn();
      }
    }

    expect(`sha256:${hash.digest("hex")}`).toBe(blob.digest);
  });
});

describe("a large body", () => {
  const blob = blobOf(randomBytes(12 * mebibyte));

  it.each([
    [
      "ends too early",
      (response: ServerResponse) =>
        response.write(blob.bytes.subarray(0, 11 * mebibyte), () => response.destroy()),
    ],
    [
      "breaks off at once",
      (response: ServerResponse) => response.write(blob.bytes.subarray(0, 1), () => response.destroy()),
    ],
  ])("that %s reaches the client as a broken connection, if no upstream can resume it", async (_, rest) => {
    await using proxy = await startProxy((response) => {
      response.writeHead(200, { "Content-Length": blob.bytes.length, "Docker-Content-Digest": blob.digest });
      response.flushHeaders();
      rest(response);
    });
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const received = await within(10_000, "an end", fetchRaw(router.url, blob.path));

    const begins = blob.bytes.subarray(0, received.body.length).equals(received.body);
    expect([received.complete && received.body.length < blob.bytes.length, begins]).toEqual([false, true]);
  });

  it.each([
    ["with its end", false],
    ["later", true],
  ])("ends at its Content-Length, whatever its proxy sends beyond that %s", async (_, later) => {
    await using proxy = await startProxy((response) => {
      response.writeHead(200, { "Content-Length": blob.bytes.length });
      response.flushHeaders();
      const { socket } = response;
      if (later) {
        socket?.write(blob.bytes, () => socket.write(blob.bytes));
      } else {
        socket?.write(Buffer.concat([blob.bytes, blob.bytes]));
      }
    });
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const received = await within(10_000, "the blob", fetchRaw(router.url, blob.path));

    expect([received.complete, blobOf(received.body).digest]).toEqual([true, blob.digest]);
    await until(5_000, "the connection to be closed", () => proxy.open() === 0);
  });

  it("is resumed from hosted where the proxy breaks off", async () => {
    await using proxy = await startProxy((response) => {
      response.writeHead(200, { "Content-Length": blob.bytes.length });
      response.write(blob.bytes.subarray(0, 7 * mebibyte + 77), () => response.destroy());
    });
    await using hosted = await startRegistry();
    hosted.addBlob("team/app", blob.bytes);
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const received = await within(10_000, "the blob", fetchRaw(router.url, blob.path));

    expect([received.complete, blobOf(received.body).digest]).toEqual([true, blob.digest]);
  });

  it("is resumed many times, without Node's warning of too many listeners", async () => {
    const many = blobOf(randomBytes(48 * mebibyte));
    await using proxy = await startProxy((response, _path, range = "bytes=0-") => {
      const rest = many.bytes.subarray(Number(/\d+/.exec(range)?.[0]));
      const first = many.bytes.length - rest.length;
      response.writeHead(first === 0 ? 200 : 206, {
        "Content-Length": rest.length,
        ...(first > 0 && { "Content-Range": `bytes ${first}-${many.bytes.length - 1}/${many.bytes.length}` }),
      });
      response.write(rest.subarray(0, 3 * mebibyte), () => response.destroy());
    });
    await using hosted = await startRegistry();
    const crowds: number[] = [];
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url }, (handler) => {
      return (request, response) => {
        response.once("finish", () => {
          const most = response.getMaxListeners() || Number.POSITIVE_INFINITY;
          crowds.push(response.listenerCount("close") / most);
        });
        handler(request, response);
      };
    });

    const received = await within(20_000, "the blob", fetchRaw(router.url, many.path));

    expect([received.complete, blobOf(received.body).digest]).toEqual([true, many.digest]);
    expect(crowds.filter((crowd) => crowd > 1)).toEqual([]);
    expect(crowds).toHaveLength(1);
  });

  it("closes its proxy's connection; small bodies keep theirs alive", async () => {
    const small = Buffer.from("small");
    await using proxy = await startProxy((response, path) => {
      const bytes = path === blob.path ? blob.bytes : small;
      response.writeHead(200, { "Content-Length": bytes.length });
      response.end(bytes);
    });
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });

    const paths = [blob, blobOf(small), blobOf(small), blob, blobOf(small)].map(({ path }) => path);
    const bodies: number[] = [];
    for (const path of paths) {
      bodies.push((await fetchRaw(router.url, path)).body.length);
    }

    expect(bodies).toEqual([blob.bytes.length, 5, 5, blob.bytes.length, 5]);
    expect(proxy.connections()).toBe(3);
  });

  it("is never overwritten while a host application still holds chunks of it", async () => {
    const held: { readonly piece: Buffer; readonly digest: string }[] = [];
    await using proxy = await startProxy((response) => {
      response.writeHead(200, { "Content-Length": blob.bytes.length });
      response.end(blob.bytes);
    });
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url }, (handler) => {
      return (request, response) => {
        const { write } = response;
        // Compressing middleware keeps the chunks written, and does not report when it no longer needs them.
        const keep = (piece: Buffer) => {
          held.push({ piece, digest: blobOf(piece).digest });
          return write.call(response, Buffer.from(piece), "utf8");
        };
        handler(request, Object.assign(response, { write: keep }));
      };
    });

    const received = await within(10_000, "the blob", fetchRaw(router.url, blob.path));
    await within(10_000, "another one", fetchRaw(router.url, blob.path));

    expect(blobOf(received.body).digest).toBe(blob.digest);
    expect(held.length).toBeGreaterThan(10);
    expect(held.filter(({ piece, digest }) => blobOf(piece).digest !== digest).length).toBe(0);
  });

  it("releases its buffers when clients leave", async () => {
    await using proxy = await startProxy((response) => {
      response.writeHead(200, { "Content-Length": 1000 * mebibyte });
      response.write(blob.bytes);
    });
    await using hosted = await startRegistry();
    await using router = await startRouter({ hosted: hosted.url, proxy: proxy.url });
    const before = processBuffers.held;

    for (let round = 0; round < 40; round += 1) {
      const client = connect(router.port, "127.0.0.1");
      client.write(`GET ${blob.path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await within(5_000, "some bytes", new Promise((resolve) => client.once("data", resolve)));
      client.destroy();
    }

    // Forty of them would hold more than the budget.
    await until(5_000, "nothing lent", () => processBuffers.lent === 0);
    expect(processBuffers.held).toBeLessThanOrEqual(before + 3 * mebibyte);
  });
});
