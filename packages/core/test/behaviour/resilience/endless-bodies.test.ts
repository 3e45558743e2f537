import { createHash } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { startRegistry } from "@combined-registry/testkit";
import { describe, expect, it } from "@jest/globals";
import { errorOf, fetchRaw, type Received } from "../../support/client.ts";
import { listen, startRouter } from "../../support/router.ts";

const content = JSON.stringify({ schemaVersion: 2, layers: [], annotations: { long: "x".repeat(5_000) } });
const digest = digestOf("sha256");

function digestOf(algorithm: "sha256" | "sha512"): string {
  return `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;
}

/** What a client gets of a proxy that says with the end of its connection that a body is at its end. */
async function pullWithoutLength(target: string, head: string, body: string): Promise<Received> {
  await using hosted = await startRegistry();
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(`${head}\r\n\r\n${body}`));
  });
  const url = `http://127.0.0.1:${await listen(server)}`;
  try {
    await using router = await startRouter({ hosted: hosted.url, proxy: url });
    return await fetchRaw(router.url, target, {
      headers: head.includes(" 206 ") ? { Range: "bytes=0-" } : {},
    });
  } finally {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  }
}

const ok = "HTTP/1.0 200 OK";
const cut = content.slice(0, 3_000);

describe("a body without Content-Length that ends with its connection", () => {
  it.each([
    ["a blob", `/v2/a/blobs/${digest}`, ok],
    ["a blob of sha512", `/v2/a/blobs/${digestOf("sha512")}`, ok],
    ["a blob of HTTP/1.1", `/v2/a/blobs/${digest}`, "HTTP/1.1 200 OK\r\nConnection: close"],
    [
      "a part",
      `/v2/a/blobs/${digest}`,
      `HTTP/1.0 206 Partial Content\r\nContent-Range: bytes 0-${content.length - 1}/9999`,
    ],
  ])("is delivered if complete, and a broken connection if truncated: %s", async (_, target, head) => {
    const whole = await pullWithoutLength(target, head, content);
    const broken = await pullWithoutLength(target, head, cut);

    expect([whole.complete, whole.body.toString() === content]).toEqual([true, true]);
    expect([broken.complete, broken.body.toString() === cut]).toEqual([false, true]);
  });

  it.each([
    ["a digest of an unknown algorithm", `/v2/a/blobs/other:abc`, ok],
    ["a part that does not say which", `/v2/a/blobs/${digest}`, "HTTP/1.0 206 Partial Content"],
  ])("is a broken connection where no digest can prove that it is complete: %s", async (_, target, head) => {
    expect((await pullWithoutLength(target, head, content)).complete).toBe(false);
  });

  it.each([
    ["a manifest by digest", `/v2/a/manifests/${digest}`, ok],
    [
      "a manifest by tag, whose digest is told",
      "/v2/a/manifests/1",
      `${ok}\r\nDocker-Content-Digest: ${digest}`,
    ],
    ["a manifest by tag", "/v2/a/manifests/1", ok],
  ])("is delivered if complete, and a failure of its upstream if truncated: %s", async (_, target, head) => {
    const whole = await pullWithoutLength(target, head, content);
    const broken = await pullWithoutLength(target, head, cut);

    expect([whole.complete, whole.body.toString() === content]).toEqual([true, true]);
    expect([broken.status, errorOf(broken).message]).toEqual([
      502,
      "proxy failed (sent no JSON object where a manifest was asked for), hosted not found",
    ]);
  });
});
