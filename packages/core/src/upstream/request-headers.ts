import { type ForwardingOptions, forwardedHeaders } from "../protocol/forwarded-headers.ts";
import { firstValue, type RawHeaders } from "../protocol/headers.ts";
import { version } from "../version.ts";
import { isRead, type Origin, type UpstreamRequest } from "./request.ts";

export type HeaderOptions = Pick<ForwardingOptions, "authorization" | "neutral" | "via" | "to">;

// Firewalls refuse requests without one.
export const userAgent = `combined-registry/${version}`;

/** All headers of a request to an upstream, but `Host`: a client's with the router's additions, or the router's own. */
export function requestHeaders(request: UpstreamRequest, options: HeaderOptions): RawHeaders {
  return request.from === undefined
    ? ownHeaders(request, options)
    : clientHeaders(request, request.from, options);
}

function clientHeaders(
  request: UpstreamRequest,
  { request: { rawHeaders }, client }: Origin,
  options: HeaderOptions,
): RawHeaders {
  const { whole = false, range, accept, body, type, upload, opaque } = request;
  const isOwnBody = upload === undefined && (body === undefined || type !== undefined);
  const headers = forwardedHeaders(rawHeaders, {
    ...options,
    shared: request.shared === true,
    client,
    whole,
    range,
    accept: accept?.join(", "),
    body: isOwnBody ? "none" : upload !== undefined && opaque === true ? "opaque" : "typed",
  });
  if (!firstValue(headers, "user-agent")) {
    headers.push("User-Agent", userAgent);
  }
  if (isOwnBody) {
    headers.push(...bodyHeaders(request));
  } else if (body !== undefined && firstValue(headers, "content-length") === undefined) {
    // A client that sends its body in chunks has told no length.
    headers.push("Content-Length", String(body.length));
  }
  return headers;
}

function ownHeaders(request: UpstreamRequest, { via, authorization }: HeaderOptions): RawHeaders {
  const { accept = [], range } = request;
  return [
    ...accept.flatMap((types) => ["Accept", types]),
    "User-Agent",
    userAgent,
    "Accept-Encoding",
    "identity",
    "Via",
    `1.1 ${via}`,
    ...(range === undefined ? [] : ["Range", range]),
    ...bodyHeaders(request),
    ...(authorization === undefined ? [] : ["Authorization", authorization]),
  ];
}

/** Headers of the router's own body. A method that usually has a body says that it has none. */
function bodyHeaders({ method, body, type, stream, contentRange }: UpstreamRequest): RawHeaders {
  if (body === undefined && stream === undefined) {
    return isRead(method) || method === "DELETE" ? [] : ["Content-Length", "0"];
  }
  const length = stream === undefined ? body?.length : stream.length;
  return [
    ...(type === undefined ? [] : ["Content-Type", type]),
    ...(length === undefined ? [] : ["Content-Length", String(length)]),
    ...(contentRange === undefined ? [] : ["Content-Range", contentRange]),
  ];
}
