/** Bytes on a connection, and what comes of them. */
export type Row = readonly [
  name: string,
  bytes: string,
  /** Of every answer, informational ones included. */
  statuses: readonly number[],
  /** Whether the router closes the connection. */
  closed: boolean,
  /** What upstreams saw, bodies included. */
  upstream: readonly string[],
];

export const host = "Host: r.example\r\n";
export const manifest = "/v2/a/manifests/1";
export const session = "/v2/a/blobs/uploads/1";

/** What must never be taken for a request, wherever it stands. */
export const smuggled = `GET /v2/smuggled/manifests/1 HTTP/1.1\r\n${host}\r\n`;
export const smuggledLength = `Content-Length: ${smuggled.length}\r\n`;

export const get = (target: string, headers = host) => `GET ${target} HTTP/1.1\r\n${headers}\r\n`;
export const put = (headers: string, body: string) =>
  `PUT ${manifest} HTTP/1.1\r\n${host}${headers}\r\n${body}`;
export const post = (headers: string, body = "") =>
  `POST /v2/a/blobs/uploads/ HTTP/1.1\r\n${host}${headers}\r\n${body}`;
export const patch = (headers: string, body: string) =>
  `PATCH ${session} HTTP/1.1\r\n${host}${headers}\r\n${body}`;
/** A manifest in chunks. */
export const chunked = (body: string) => put("Transfer-Encoding: chunked\r\n", body);

/** What reaches upstreams: nothing; or a read, which goes to the proxy and then to hosted; or a write, with its body. */
export const nothing: readonly string[] = [];
export const lookup = [`proxy GET ${manifest}`, `hosted GET ${manifest}`];
export const manifestPut = (body: string) => [`hosted PUT ${manifest} ${body}`];
export const uploadBegun = ["hosted POST /v2/a/blobs/uploads/"];

export const closes = true;
export const stays = false;

/** Node's parser refuses it; then nobody knows where the next request would begin, so the connection ends. */
export const malformed = (name: string, bytes: string, status = 400): Row => [
  name,
  bytes,
  [status],
  closes,
  nothing,
];
/** The router refuses it, and no upstream hears of it. */
export const refused = (name: string, bytes: string, status = 400): Row => [
  name,
  bytes,
  [status],
  stays,
  nothing,
];
/** The upstreams are asked, and do not know it. */
export const understood = (name: string, bytes: string, upstream: readonly string[] = lookup): Row => [
  name,
  bytes,
  [404],
  stays,
  upstream,
];
