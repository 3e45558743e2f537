import { createServer, type Server } from "node:http";
import { connect, createServer as createNetServer, type Socket } from "node:net";
import {
  type CombinedRegistryHandler,
  createCombinedRegistryHandler,
  serverOptions,
} from "@combined-registry/core";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { fetchRaw } from "./support/client.ts";
import { type Recorder, sendRaw, startRecorder } from "./support/raw.ts";
import { listen, startRouter } from "./support/router.ts";
import { within } from "./support/within.ts";

const host = "Host: r.example\r\n";
const manifest = "/v2/a/manifests/1";
const smuggled = `GET /v2/smuggled/manifests/1 HTTP/1.1\r\n${host}\r\n`;

const get = (target: string, headers = host) => `GET ${target} HTTP/1.1\r\n${headers}\r\n`;
const post = (headers: string, body = "") =>
  `POST /v2/a/blobs/uploads/ HTTP/1.1\r\n${host}${headers}\r\n${body}`;
const chunked = (body: string) => post("Transfer-Encoding: chunked\r\n", body);

// What reaches upstreams of a request that is understood: a read goes to the proxy and to hosted.
const nothing: string[] = [];
const lookup = [`proxy GET ${manifest}`, `hosted GET ${manifest}`];
const upload = ["hosted POST /v2/a/blobs/uploads/"];

type Row = readonly [
  name: string,
  bytes: string,
  statuses: readonly number[],
  closed: boolean,
  upstream: readonly string[],
];

const closes = true;
const stays = false;
const malformed = (name: string, bytes: string): Row => [name, bytes, [400], closes, nothing];
const refused = (name: string, bytes: string, status = 400): Row => [name, bytes, [status], stays, nothing];
const understood = (name: string, bytes: string, upstream: readonly string[] = lookup): Row => [
  name,
  bytes,
  [404],
  stays,
  upstream,
];

const framing: Row[] = [
  malformed(
    "Content-Length, then chunked",
    post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${smuggled}`),
  ),
  malformed(
    "chunked, then Content-Length",
    post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", `0\r\n\r\n${smuggled}`),
  ),
  malformed("a coding that is none", post("Transfer-Encoding: xchunked\r\n", `0\r\n\r\n${smuggled}`)),
  malformed(
    "chunked, but not last",
    post("Transfer-Encoding: chunked, identity\r\n", `0\r\n\r\n${smuggled}`),
  ),
  malformed(
    "chunked, and another header that is not",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", `0\r\n\r\n${smuggled}`),
  ),
  malformed(
    "a space before the colon of Transfer-Encoding",
    post("Transfer-Encoding : chunked\r\n", `0\r\n\r\n${smuggled}`),
  ),
  malformed(
    "a vertical tab before chunked",
    post("Transfer-Encoding:\x0bchunked\r\n", `0\r\n\r\n${smuggled}`),
  ),
  malformed("a folded Transfer-Encoding", post("Transfer-Encoding:\r\n chunked\r\n", `0\r\n\r\n${smuggled}`)),
  understood(
    "a tab before chunked, which is white space",
    post("Transfer-Encoding:\tchunked\r\n", "0\r\n\r\n"),
    upload,
  ),
  understood("chunked in capitals", post("Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n"), upload),
  malformed("two lengths that differ", post("Content-Length: 0\r\nContent-Length: 60\r\n", smuggled)),
  malformed("a length twice", post("Content-Length: 0\r\nContent-Length: 0\r\n")),
  malformed("a list of lengths", post("Content-Length: 0, 0\r\n")),
  malformed("a negative length", post("Content-Length: -1\r\n")),
  malformed("a length with a sign", post("Content-Length: +0\r\n")),
  malformed("a hexadecimal length", post("Content-Length: 0x0\r\n")),
  malformed("a length beyond all numbers", post("Content-Length: 99999999999999999999999\r\n")),
  malformed("an empty length", post("Content-Length: \r\n")),
  malformed("a chunk size beyond all numbers", chunked("fffffffffffffffff\r\nx")),
  malformed("a negative chunk size", chunked("-1\r\nx\r\n0\r\n\r\n")),
  malformed("a chunk size with 0x", chunked("0x1\r\nx\r\n0\r\n\r\n")),
  malformed("a space after a chunk size", chunked("1 \r\nx\r\n0\r\n\r\n")),
  malformed("a chunk longer than its size", chunked("1\r\nxy\r\n0\r\n\r\n")),
  malformed("chunks whose lines end in bare LF", chunked("1\nx\n0\n\n")),
  malformed("a bare LF in a chunk's extension", chunked("1;a\nb\r\nx\r\n0\r\n\r\n")),
  [
    "an endless chunk extension",
    chunked(`1;${"a".repeat(100_000)}\r\nx\r\n0\r\n\r\n`),
    [413],
    closes,
    nothing,
  ],
  understood("a chunk extension, which means nothing", chunked("1;a=b\r\nx\r\n0\r\n\r\n"), upload),
  understood(
    "trailers that name a host and credentials",
    chunked("0\r\nAuthorization: Basic eDp5\r\nHost: evil\r\n\r\n"),
    upload,
  ),
  understood(
    "a body of a GET that looks like a request",
    `GET ${manifest} HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
  ),
  understood(
    "a body of a PUT that looks like a request",
    `PUT ${manifest} HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    [`hosted PUT ${manifest}`],
  ),
  understood(
    "a body of a PATCH that looks like a request",
    `PATCH /v2/a/blobs/uploads/1 HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    ["hosted PATCH /v2/a/blobs/uploads/1"],
  ),
  understood(
    "Connection naming Content-Length",
    `PUT ${manifest} HTTP/1.1\r\n${host}Connection: content-length\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    [`hosted PUT ${manifest}`],
  ),
];

const lines: Row[] = [
  malformed("a folded header", get(manifest, `${host}X-A: b\r\n c\r\n`)),
  malformed("a bare CR in a header", get(manifest, `${host}X-A: b\rX-B: c\r\n`)),
  malformed("a bare LF in a header", get(manifest, `${host}X-A: b\nX-B: c\r\n`)),
  malformed("lines that end in bare LF", `GET ${manifest} HTTP/1.1\nHost: x\n\n`),
  malformed("lines that end in bare CR", `GET ${manifest} HTTP/1.1\rHost: x\r\r`),
  malformed("a header without a colon", get(manifest, `${host}NoColon\r\n`)),
  malformed("a space in a header's name", get(manifest, `${host}X A: b\r\n`)),
  malformed("a header without a name", get(manifest, `${host}: b\r\n`)),
  malformed("a header that begins with a space", get(manifest, ` X-A: b\r\n${host}`)),
  malformed("a NUL in a header", get(manifest, `${host}X-A: b\0c\r\n`)),
  malformed("a NUL in the target", get("/v2/a\0/manifests/1")),
  malformed("a space in the target", get("/v2/a b/manifests/1")),
  malformed("a byte beyond ASCII in the target", get("/v2/a\xff/manifests/1")),
  understood("a byte beyond ASCII in a header, which is allowed", get(manifest, `${host}X-A: \xff\r\n`)),
  understood("empty lines before the request, which are allowed", `\r\n\r\n${get(manifest)}`),
  ["a header of 1 MB", get(manifest, `${host}X-A: ${"a".repeat(1024 * 1024)}\r\n`), [431], closes, nothing],
  [
    "20,000 headers",
    get(manifest, `${host}${"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(20_000)}`),
    [431],
    closes,
    nothing,
  ],
  malformed("garbage", "\x01\x02\x03\x04 garbage\r\n\r\n"),
];

const hosts: Row[] = [
  malformed("no Host", get(manifest, "")),
  refused("two Hosts", get(manifest, "Host: a\r\nHost: b\r\n")),
  refused("one Host twice", get(manifest, "Host: a\r\nHost: a\r\n")),
  refused("a Host that is none", get(manifest, "Host: a b/c@d\r\n")),
  understood("an absolute target", get(`http://r.example${manifest}`)),
  understood(
    "an absolute target of another host, which is only what the client calls us",
    get(`http://evil.example${manifest}`),
  ),
  refused("an absolute target with user and password", get(`http://user:pw@r.example${manifest}`), 404),
  refused("an absolute target of another scheme", get(`ftp://r.example${manifest}`), 404),
  ["CONNECT", `CONNECT hosted:5000 HTTP/1.1\r\n${host}\r\n`, [], closes, nothing],
  refused("OPTIONS *", `OPTIONS * HTTP/1.1\r\n${host}\r\n`, 404),
];

const paths: Row[] = [
  refused("dot segments, percent-encoded", get("/v2/a/%2e%2e/b/manifests/1")),
  refused("dot segments, half encoded", get("/v2/a/.%2E/b/manifests/1")),
  refused("dot segments", get("/v2/a/../b/manifests/1")),
  refused("dot segments out of the API and back", get("/v2/../v2/b/manifests/1")),
  refused("a single dot", get("/v2/./a/manifests/1")),
  refused("an empty component", get("/v2//a/manifests/1")),
  refused("an empty component before the API", get("//v2/a/manifests/1"), 404),
  refused("an encoded slash", get("/v2/a%2fb/manifests/1")),
  refused("a slash, encoded twice", get("/v2/a%252fb/manifests/1")),
  refused("an encoded backslash", get("/v2/a%5cb/manifests/1")),
  refused("an encoded NUL", get("/v2/a%00/manifests/1")),
  refused("an encoded line break", get("/v2/a%0d%0aX:y/manifests/1")),
  refused("an encoding that is none", get("/v2/a%zz/manifests/1")),
  refused("an encoding of no character", get("/v2/a%ff%fe/manifests/1")),
  refused("a path parameter", get("/v2/a;x/manifests/1")),
  refused("backslashes", get("/v2\\a\\manifests\\1"), 404),
  refused("a question mark in the path", get("/v2/a?/manifests/1"), 404),
  refused("a fragment", get(`${manifest}#/../b`), 404),
  refused("a name beyond any length", get(`/v2/${"a/".repeat(5_000)}manifests/1`)),
  understood("an encoding of what needs none", get("/v2/%61/manifests/1")),
];

const versions: Row[] = [
  malformed(
    "a TLS hello, which Go clients fall back to http by",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".padEnd(200, "\0"),
  ),
  malformed("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  malformed("HTTP/3.0", `GET ${manifest} HTTP/3.0\r\n${host}\r\n`),
  malformed("HTTP/1.2", `GET ${manifest} HTTP/1.2\r\n${host}\r\n`),
  malformed("a method in small letters", `get ${manifest} HTTP/1.1\r\n${host}\r\n`),
  malformed("a method that nobody knows", `BREW ${manifest} HTTP/1.1\r\n${host}\r\n`),
  refused("TRACE", `TRACE ${manifest} HTTP/1.1\r\n${host}\r\n`, 405),
  refused("PROPFIND", `PROPFIND ${manifest} HTTP/1.1\r\n${host}\r\n`, 405),
  ["HTTP/1.0", `GET ${manifest} HTTP/1.0\r\n\r\n`, [404], closes, lookup],
  understood(
    "HTTP/1.0 that keeps its connection",
    `GET ${manifest} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
  ),
  understood(
    "an upgrade to WebSocket, which is not taken",
    get(manifest, `${host}Connection: Upgrade\r\nUpgrade: websocket\r\n`),
  ),
  understood(
    "an upgrade to HTTP/2, which is not taken",
    get(
      manifest,
      `${host}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n`,
    ),
  ),
  refused(
    "an expectation that is none",
    `PUT ${manifest} HTTP/1.1\r\n${host}Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}`,
    417,
  ),
  [
    "Expect: 100-continue",
    `PUT ${manifest} HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}`,
    [100, 404],
    stays,
    [`hosted PUT ${manifest}`],
  ],
  understood(
    "another method in a header, which means nothing",
    get(manifest, `${host}X-HTTP-Method-Override: DELETE\r\n`),
  ),
  understood(
    "Connection naming Host and credentials",
    get(manifest, `${host}Connection: host, authorization, x-forwarded-for\r\n`),
  ),
  [
    "two requests at once",
    get(manifest) + get("/v2/b/manifests/2"),
    [404, 404],
    stays,
    [...lookup, "proxy GET /v2/b/manifests/2", "hosted GET /v2/b/manifests/2"],
  ],
];

describe("a connection on which arrives", () => {
  let proxy: Recorder;
  let hosted: Recorder;
  let handler: CombinedRegistryHandler;
  let server: Server;
  let port: number;

  beforeAll(async () => {
    [proxy, hosted] = await Promise.all([startRecorder(), startRecorder()]);
    handler = createCombinedRegistryHandler({ hosted: hosted.url, proxy: proxy.url });
    server = createServer(serverOptions, handler);
    port = await listen(server);
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

  it.each([...framing, ...lines, ...hosts, ...paths, ...versions])(
    "%s",
    async (_, bytes, statuses, closed, upstream) => {
      const answer = await sendRaw(port, bytes, Math.max(1, statuses.length));

      expect([answer.statuses, answer.closed]).toEqual([statuses, closed]);
      expect(asked().sort()).toEqual([...upstream].sort());
      expect(answer.text).not.toContain("smuggled");
      // Whoever comes next over the connections that upstreams keep gets its own answer, and nobody else's request goes before.
      const next = await fetchRaw(`http://127.0.0.1:${port}`, "/v2/honest/manifests/1");
      expect([next.status, next.body.toString(), asked()]).toEqual([
        200,
        '"honest"',
        ["proxy GET /v2/honest/manifests/1"],
      ]);
    },
  );

  it("has rows enough", () => {
    expect([...framing, ...lines, ...hosts, ...paths, ...versions].length).toBeGreaterThanOrEqual(90);
  });

  it("half a request waits, and holds up nobody", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.write(`GET ${manifest} HTTP/1.1\r\nHost: r`);

    expect((await fetchRaw(`http://127.0.0.1:${port}`, "/v2/honest/manifests/1")).status).toBe(200);

    expect(asked()).toEqual(["proxy GET /v2/honest/manifests/1"]);
    socket.destroy();
  });
});

describe("an upstream that answers", () => {
  const honest = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n"honest"';

  /** A router whose proxy answers its first request with these bytes, and every other one honestly. */
  async function pullTwice(bytes: string) {
    await using hosted = await startRecorder();
    let answered = 0;
    const open = new Set<Socket>();
    const proxy = createNetServer((socket) => {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.on("data", () => {
        answered += 1;
        socket.write(Buffer.from(answered === 1 ? bytes : honest, "latin1"));
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const address = proxy.address();
    const proxyPort = typeof address === "object" ? address?.port : undefined;
    try {
      await using router = await startRouter({
        hosted: hosted.url,
        proxy: { url: `http://127.0.0.1:${proxyPort}`, timeouts: { headers: 500, idle: 500 } },
      });
      // A connection that breaks before the head has left is as good as one that breaks after.
      const first = await fetchRaw(router.url, "/v2/victim/manifests/1").catch(() => undefined);
      const second = await within(10_000, "the second answer", fetchRaw(router.url, "/v2/next/manifests/1"));
      return { first, second };
    } finally {
      for (const socket of open) {
        socket.destroy();
      }
      proxy.close();
    }
  }

  it.each([
    ["two answers to one request", `${honest}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`],
    ["a body longer than it says", `${honest}poison`],
    ["204 with a body", "HTTP/1.1 204 No Content\r\nContent-Length: 6\r\n\r\npoison"],
    ["304 with a body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison"],
    [
      "Content-Length and chunked",
      "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\npoison",
    ],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 6\r\n\r\npoison"],
    ["chunks that are none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\npoison"],
    ["a folded header", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\n{}"],
    ["a NUL in a header", "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 2\r\n\r\n{}"],
    ["a bare CR in a header", "HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: c\r\nContent-Length: 2\r\n\r\n{}"],
    ["headers without end", `HTTP/1.1 200 OK\r\n${"X-Filler: aaaaaaaaaaaaaaaa\r\n".repeat(10_000)}`],
    ["nothing but informational answers", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n".repeat(100)],
    ["something that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n"],
    ["a status beyond statuses", "HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\n{}"],
    ["a status below statuses", "HTTP/1.1 000 What\r\nContent-Length: 2\r\n\r\n{}"],
  ])("%s poisons nobody's answer", async (_, bytes) => {
    const { first, second } = await pullTwice(bytes);

    expect([second.status, second.body.toString()]).toEqual([200, '"honest"']);
    expect(first?.status ?? 200).toBeGreaterThanOrEqual(200);
    expect(first?.headers["set-cookie"]).toBeUndefined();
  });

  it.each([
    [
      "a Location with control characters",
      "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://x/\x01\x7f\r\nContent-Length: 0\r\n\r\n",
    ],
    [
      "a challenge that is garbage",
      'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm="\\\\", ,,=,"\r\nContent-Length: 0\r\n\r\n',
    ],
    ["a header beyond ASCII", "HTTP/1.1 200 OK\r\nX-A: \xff\xfe\r\nContent-Length: 2\r\n\r\n{}"],
  ])("%s is an answer like another, or none, and never two", async (_, bytes) => {
    const { first, second } = await pullTwice(bytes);

    expect([200, 307, 404, 502]).toContain(first?.status);
    expect(second.status).toBe(200);
  });
});
