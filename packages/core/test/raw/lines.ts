import { get, host, malformed, manifest, type Row, understood } from "./row.ts";

/** Where a line, a header or a request ends. */
export const lines: Row[] = [
  malformed("a folded header", get(manifest, `${host}X-A: b\r\n c\r\n`)),
  malformed("a bare CR in a header", get(manifest, `${host}X-A: b\rX-B: c\r\n`)),
  malformed("a bare LF in a header", get(manifest, `${host}X-A: b\nX-B: c\r\n`)),
  malformed("lines that end in bare LF", `GET ${manifest} HTTP/1.1\nHost: x\n\n`),
  malformed("lines that end in bare CR", `GET ${manifest} HTTP/1.1\rHost: x\r\r`),
  malformed("headers that end in CR CR LF", `GET ${manifest} HTTP/1.1\r\n${host}\r\r\n`),
  malformed("a header without a colon", get(manifest, `${host}NoColon\r\n`)),
  malformed("a space in a header's name", get(manifest, `${host}X A: b\r\n`)),
  malformed("a space behind a header's name", get(manifest, `${host}X-A : b\r\n`)),
  malformed("a NUL in a header's name", get(manifest, `${host}X\0A: b\r\n`)),
  malformed("a byte beyond ASCII in a header's name", get(manifest, `${host}X-\xe9: b\r\n`)),
  malformed("a header without a name", get(manifest, `${host}: b\r\n`)),
  malformed("a header that begins with a space", get(manifest, ` X-A: b\r\n${host}`)),
  malformed("a NUL in a header", get(manifest, `${host}X-A: b\0c\r\n`)),
  malformed("a NUL in the target", get("/v2/a\0/manifests/1")),
  malformed("a space in the target", get("/v2/a b/manifests/1")),
  malformed("a tab in the target", get("/v2/a\tb/manifests/1")),
  malformed("a byte beyond ASCII in the target", get("/v2/a\xff/manifests/1")),
  malformed("no target", `GET HTTP/1.1\r\n${host}\r\n`),
  malformed("a header of 1 MB", get(manifest, `${host}X-A: ${"a".repeat(1024 * 1024)}\r\n`), 431),
  malformed("5,000 headers", get(manifest, `${host}${"X-Filler: aaaaaaaa\r\n".repeat(5_000)}`), 431),
  malformed("a target of 100 kB", get(`/v2/${"a".repeat(100_000)}/manifests/1`), 431),
  malformed("garbage", "\x01\x02\x03\x04 garbage\r\n\r\n"),
  malformed("a request and garbage", "\0".repeat(64)),
  understood("a byte beyond ASCII in a header, which is allowed", get(manifest, `${host}X-A: \xff\r\n`)),
  understood("an empty header, which is allowed", get(manifest, `${host}X-A:\r\n`)),
  understood("empty lines before the request, which are allowed", `\r\n\r\n${get(manifest)}`),
  understood(
    "another method in a header, which means nothing",
    get(manifest, `${host}X-HTTP-Method-Override: DELETE\r\n`),
  ),
  understood(
    "another target in a header, which means nothing",
    get(manifest, `${host}X-Original-URL: /v2/secret/manifests/1\r\nX-Rewrite-URL: /v2/secret\r\n`),
  ),
  understood(
    "Connection naming Host and credentials",
    get(manifest, `${host}Connection: host, authorization, x-forwarded-for\r\n`),
  ),
];
