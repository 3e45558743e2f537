import { createServer, type Server } from "node:http";
import { connect } from "node:net";
import {
  type CombinedRegistryHandler,
  createCombinedRegistryHandler,
  serverOptions,
} from "@combined-registry/core";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bodies, chunks, codings, lengths } from "./raw/framing.ts";
import { lines } from "./raw/lines.ts";
import { get, host, manifest, put, smuggled } from "./raw/row.ts";
import { hosts, paths } from "./raw/targets.ts";
import { versions } from "./raw/versions.ts";
import { fetchRaw } from "./support/client.ts";
import { honestManifest, type Recorder, sendRaw, startRecorder } from "./support/raw.ts";
import { listen } from "./support/router.ts";
import { until, within } from "./support/within.ts";

const tables = { codings, lengths, chunks, bodies, lines, hosts, paths, versions };

describe("a connection on which arrives what is no request, or one that could be read in two ways", () => {
  let proxy: Recorder;
  let hosted: Recorder;
  let handler: CombinedRegistryHandler;
  let server: Server;
  let port: number;

  beforeAll(async () => {
    [proxy, hosted] = await Promise.all([startRecorder(), startRecorder()]);
    handler = createCombinedRegistryHandler({
      hosted: hosted.url,
      proxy: proxy.url,
      rules: [{ match: "**", shadow: "allow" }],
      // Every request is to be seen upstream.
      memory: { absentTtl: 0, manifestBytes: 0 },
    });
    server = createServer(serverOptions, handler);
    port = await listen(server);
    await fetchHonest();
    asked();
  });

  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await handler.close();
    await Promise.all([proxy, hosted].map((recorder) => recorder[Symbol.asyncDispose]()));
  });

  const asked = () => [
    ...proxy.take().map((request) => `proxy ${request}`),
    ...hosted.take().map((request) => `hosted ${request}`),
  ];
  const honest = ["proxy GET /v2/honest/manifests/1"];

  async function fetchHonest() {
    const { status, body } = await fetchRaw(`http://127.0.0.1:${port}`, "/v2/honest/manifests/1");
    return [status, body.toString()];
  }

  describe.each(Object.entries(tables))("%s", (_table, rows) => {
    it.each(rows)("%s", async (_, bytes, statuses, closed, upstream) => {
      const { connections } = proxy;
      const answer = await sendRaw(port, bytes, statuses.length);

      // Over a connection that stays, the client's own next request gets its own answer ...
      expect([answer.statuses, answer.closed]).toEqual([closed ? statuses : [...statuses, 200], closed]);
      expect(asked().sort()).toEqual([...upstream, ...(closed ? [] : honest)].sort());
      // ... and other clients are served over the upstream connection of this one.
      expect(await fetchHonest()).toEqual([200, honestManifest]);
      expect(asked()).toEqual(honest);
      expect(proxy.connections).toBe(connections);
    });
  });

  it("TLS on the plain port is answered in plain text, by which Go clients know to fall back to http", async () => {
    const [[, hello] = ["", ""]] = versions;
    const { text } = await sendRaw(port, hello, 1);

    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it("a request behind the connection's last one is none", async () => {
    await using upstream = await startRecorder();
    const own = createCombinedRegistryHandler({ hosted: upstream.url, proxy: upstream.url });
    const ownServer = createServer(serverOptions, own);
    const last = get(manifest, `${host}Connection: close\r\n`);

    const { statuses, closed } = await sendRaw(await listen(ownServer), last + smuggled, 1);

    expect(closed).toBe(true);
    // Node's parser refuses what stands there; whether the first one is answered before that is a matter of time.
    expect([[400], [404]]).toContainEqual(statuses);
    await own.close();
    ownServer.close();
    expect(upstream.take().join()).not.toContain("smuggled");
  });

  it("half a request waits, and delays no other client", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.write(`GET ${manifest} HTTP/1.1\r\nHost: r`);

    expect(await fetchHonest()).toEqual([200, honestManifest]);

    expect(asked()).toEqual(honest);
    socket.destroy();
  });

  it.each([
    ["by its length", "Content-Length: 100\r\n", "{}"],
    ["in chunks", "Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n"],
    ["in chunks, before the last one's end", "Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n"],
  ])("half a body is none for hosted either: %s", async (_, headers, body) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    const upload = "/v2/a/blobs/uploads/1";
    socket.write(`PATCH ${upload} HTTP/1.1\r\nHost: r.example\r\n${headers}\r\n${body}`);
    socket.end();
    await within(
      5_000,
      "the connection's end",
      new Promise((resolve) => socket.once("close", resolve).resume()),
    );

    let seen: string[] = [];
    await until(5_000, "hosted has seen the end", () => {
      seen = [...seen, ...asked()];
      return seen.length > 0;
    });

    expect(seen).toEqual([`hosted PATCH ${upload} {}... and no more`]);
    expect(await fetchHonest()).toEqual([200, honestManifest]);
    expect(asked()).toEqual(honest);
  });

  it("half a manifest never reaches hosted", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(put("Content-Length: 100\r\n", "{}"));
    socket.end();
    await within(
      5_000,
      "the connection's end",
      new Promise((resolve) => socket.once("close", resolve).resume()),
    );

    expect(await fetchHonest()).toEqual([200, honestManifest]);
    expect(asked()).toEqual(honest);
  });

  it("a hundred requests at once are answered in their order, each by its own answer", async () => {
    const { statuses } = await sendRaw(port, get(manifest).repeat(99) + get("/v2/a/b"), 100);

    expect(statuses).toEqual([...Array(100).fill(404), 200]);
    expect(asked()).toHaveLength(2 * 99 + 1);
  });
});
