import {
  chunked,
  closes,
  get,
  host,
  lookup,
  malformed,
  manifest,
  manifestPut,
  nothing,
  patch,
  post,
  put,
  type Row,
  refused,
  session,
  smuggled,
  smuggledLength,
  stays,
  understood,
  uploadBegun,
} from "./row.ts";

const end = "0\r\n\r\n";
const hidden = end + smuggled;

/** Two ways to tell where a body ends, or a way that not everybody understands. */
export const codings: Row[] = [
  malformed(
    "Content-Length, then chunked",
    post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", hidden),
  ),
  malformed(
    "chunked, then Content-Length",
    post("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", hidden),
  ),
  malformed("a coding that is none", post("Transfer-Encoding: xchunked\r\n", hidden)),
  malformed("a coding, and nothing else", post("Transfer-Encoding: identity\r\n", hidden)),
  malformed("chunked, but not last", post("Transfer-Encoding: chunked, identity\r\n", hidden)),
  malformed(
    "chunked, and another header that is not",
    post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", hidden),
  ),
  malformed("a space before the colon of Transfer-Encoding", post("Transfer-Encoding : chunked\r\n", hidden)),
  malformed("a vertical tab before chunked", post("Transfer-Encoding:\x0bchunked\r\n", hidden)),
  malformed("a vertical tab behind chunked", post("Transfer-Encoding: chunked\x0b\r\n", hidden)),
  malformed("chunked in quotes", post('Transfer-Encoding: "chunked"\r\n', hidden)),
  malformed("a folded Transfer-Encoding", post("Transfer-Encoding:\r\n chunked\r\n", hidden)),
  understood(
    "a tab before chunked, which is white space",
    post("Transfer-Encoding:\tchunked\r\n", end),
    uploadBegun,
  ),
  understood("chunked in capitals", post("Transfer-Encoding: CHUNKED\r\n", end), uploadBegun),
];

export const lengths: Row[] = [
  malformed("two lengths that differ", post("Content-Length: 0\r\nContent-Length: 60\r\n", smuggled)),
  malformed("a length twice", post("Content-Length: 0\r\nContent-Length: 0\r\n")),
  malformed("a list of lengths", post("Content-Length: 0, 0\r\n")),
  malformed("a negative length", post("Content-Length: -1\r\n")),
  malformed("a length with a sign", post("Content-Length: +0\r\n")),
  malformed("a hexadecimal length", post("Content-Length: 0x0\r\n")),
  malformed("a length with a space within", post("Content-Length: 1 0\r\n")),
  malformed("a length beyond all numbers", post("Content-Length: 99999999999999999999999\r\n")),
  malformed("an empty length", post("Content-Length: \r\n")),
];

export const chunks: Row[] = [
  malformed("a chunk size beyond all numbers", chunked("fffffffffffffffff\r\nx")),
  malformed("a negative chunk size", chunked(`-1\r\nx\r\n${end}`)),
  malformed("a chunk size with 0x", chunked(`0x1\r\nx\r\n${end}`)),
  malformed("no chunk size", chunked(`\r\nx\r\n${end}`)),
  malformed("a space after a chunk size", chunked(`1 \r\nx\r\n${end}`)),
  malformed("a chunk longer than its size", chunked(`1\r\nxy\r\n${end}`)),
  malformed("a chunk without its line's end", chunked(`1\r\nx${end}`)),
  malformed("chunks whose lines end in bare LF", chunked("1\nx\n0\n\n")),
  malformed("a bare LF in a chunk's extension", chunked(`1;a\nb\r\nx\r\n${end}`)),
  malformed("an endless chunk extension", chunked(`1;${"a".repeat(100_000)}\r\nx\r\n${end}`), 413),
  understood("a chunk extension, which means nothing", chunked(`1;a=b\r\nx\r\n${end}`), manifestPut("x")),
  understood("a chunk size with zeros before it", chunked(`0001\r\nx\r\n${end}`), manifestPut("x")),
  understood(
    "trailers that name a host and credentials",
    chunked("1\r\nx\r\n0\r\nAuthorization: Basic eDp5\r\nHost: evil\r\n\r\n"),
    manifestPut("x"),
  ),
  malformed("a trailer that names a length", chunked("1\r\nx\r\n0\r\nContent-Length: 9\r\n\r\n")),
];

/** Bodies that look like a request. */
export const bodies: Row[] = [
  understood("of GET", `GET ${manifest} HTTP/1.1\r\n${host}${smuggledLength}\r\n${smuggled}`),
  understood(
    "of GET, in chunks",
    get(manifest, `${host}Transfer-Encoding: chunked\r\n`) +
      `${smuggled.length.toString(16)}\r\n${smuggled}\r\n${end}`,
  ),
  understood("of PUT", put(smuggledLength, smuggled), manifestPut(smuggled)),
  understood("of PATCH", patch(smuggledLength, smuggled), [`hosted PATCH ${session} ${smuggled}`]),
  understood("of DELETE", `DELETE ${manifest} HTTP/1.1\r\n${host}${smuggledLength}\r\n${smuggled}`, [
    `hosted DELETE ${manifest}`,
  ]),
  understood(
    "of PUT, where Connection names Content-Length",
    put(`Connection: content-length\r\n${smuggledLength}`, smuggled),
    manifestPut(smuggled),
  ),
  [
    "of PUT, where Connection names Content-Length and the connection's end",
    put(`Connection: close, content-length\r\n${smuggledLength}`, smuggled),
    [404],
    closes,
    manifestPut(smuggled),
  ],
  understood(
    "of PUT, in chunks, where Connection names Transfer-Encoding",
    put(
      "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n",
      `${smuggled.length.toString(16)}\r\n${smuggled}\r\n${end}`,
    ),
    manifestPut(smuggled),
  ),
  refused(
    "of PUT that is refused",
    `PUT /v2/A/manifests/1 HTTP/1.1\r\n${host}${smuggledLength}\r\n${smuggled}`,
  ),
  [
    "of PUT that is refused, with another request behind it",
    `PUT /v2/A/manifests/1 HTTP/1.1\r\n${host}${smuggledLength}\r\n${smuggled}${get(manifest)}`,
    [400, 404],
    stays,
    lookup,
  ],
  [
    "of PUT, with another request behind it",
    put(smuggledLength, smuggled) + get(manifest),
    [404, 404],
    stays,
    [...manifestPut(smuggled), ...lookup],
  ],
  [
    "of a method that has none",
    `CONNECT hosted:5000 HTTP/1.1\r\n${host}\r\n${smuggled}`,
    [],
    closes,
    nothing,
  ],
];
