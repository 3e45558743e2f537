import {
  closes,
  get,
  host,
  lookup,
  malformed,
  manifest,
  manifestPut,
  put,
  type Row,
  refused,
  stays,
  understood,
} from "./row.ts";

/** Other protocols, versions and methods, and ways to ask for them. */
export const versions: Row[] = [
  malformed("a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".padEnd(200, "\0")),
  malformed("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  ["HTTP/0.9", `GET ${manifest}\r\n\r\n`, [404], closes, lookup],
  malformed("HTTP/3.0", `GET ${manifest} HTTP/3.0\r\n${host}\r\n`),
  malformed("HTTP/1.2", `GET ${manifest} HTTP/1.2\r\n${host}\r\n`),
  malformed("HTTP/1.10", `GET ${manifest} HTTP/1.10\r\n${host}\r\n`),
  malformed("a version of something else", `GET ${manifest} XTTP/1.1\r\n${host}\r\n`),
  malformed("a method in small letters", `get ${manifest} HTTP/1.1\r\n${host}\r\n`),
  malformed("a method that nobody knows", `BREW ${manifest} HTTP/1.1\r\n${host}\r\n`),
  refused("TRACE", `TRACE ${manifest} HTTP/1.1\r\n${host}\r\n`, 405),
  refused("PROPFIND", `PROPFIND ${manifest} HTTP/1.1\r\n${host}\r\n`, 405),
  ["HTTP/1.0", `GET ${manifest} HTTP/1.0\r\n\r\n`, [404], closes, lookup],
  understood(
    "HTTP/1.0 that keeps its connection",
    `GET ${manifest} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
  ),
  [
    "HTTP/1.0 with chunks, which it does not have",
    `PUT ${manifest} HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
    [404],
    closes,
    manifestPut("x"),
  ],
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
  refused("an expectation that is none", put("Expect: 200-ok\r\nContent-Length: 2\r\n", "{}"), 417),
  [
    "Expect: 100-continue",
    put("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"),
    [100, 404],
    stays,
    manifestPut("{}"),
  ],
];
