import { tracingChannel } from "node:diagnostics_channel";
import { validateHeaderName, validateHeaderValue } from "node:http";
import type { RawHeaders } from "../../protocol/headers.ts";

/**
 * What subscribers of `tracingChannel("combined-registry.upstream")` (`node:diagnostics_channel`) get, one object per request to an
 * upstream: for `start` before it is sent, `end` once it is sent, `asyncStart` and `asyncEnd` when the head of the response is here or the
 * request has failed, and before these `error` if it has failed. Requests for tokens and to where a redirect leads are included; a
 * request that is repeated because its kept connection was closed counts as one.
 */
export interface UpstreamRequestTrace {
  /** Name of the upstream, as configured. */
  readonly upstream: string;
  /** `GET`, `HEAD`, `PUT`, ... */
  readonly method: string;
  /** Without credentials and query, which may hold tokens, signatures and the state of upload sessions. */
  readonly url: string;
  /**
   * Headers to add to the request, empty at first: at `start`, a subscriber may set `traceparent` and the like. They replace what the client
   * sent under the same names. What HTTP does not allow in a header, and names that frame or authorize the request, are ignored.
   */
  readonly headers: Record<string, string>;
  /** Status of the response, at `asyncStart` and `asyncEnd`; absent if there is none. */
  status?: number;
  /** What the request failed with, at `error` and after it. */
  error?: unknown;
}

/** Callers check `hasSubscribers` first: without subscribers, tracing costs nothing. */
export const upstreamChannel = tracingChannel<unknown, UpstreamRequestTrace>("combined-registry.upstream");

interface TracedRequest {
  readonly upstream: string;
  readonly method: string;
  readonly protocol: string;
  readonly host: string;
  readonly path: string;
  readonly headers: RawHeaders;
}

/** Sends a request, and publishes it to the channel. @param send gets `headers` with those that subscribers add */
export async function traced<Response extends { readonly status: number }>(
  { upstream, method, protocol, host, path, headers }: TracedRequest,
  send: (headers: RawHeaders) => Promise<Response>,
): Promise<Response> {
  const url = `${protocol}//${host}${path.replace(/\?.*/s, "")}`;
  const context: UpstreamRequestTrace = { upstream, method, url, headers: {} };
  let response: Response | undefined;
  // Subscribers do not get the response: reading its body would take the body from the client.
  await upstreamChannel.tracePromise(async () => {
    response = await send(withHeaders(headers, context.headers));
    context.status = response.status;
  }, context);
  if (response === undefined) {
    throw new Error("a request without a response has not failed");
  }
  return response;
}

const untouchable: ReadonlySet<string> = new Set([
  "authorization",
  "connection",
  "content-length",
  "expect",
  "host",
  "transfer-encoding",
  "upgrade",
]);

function withHeaders(headers: RawHeaders, added: Readonly<Record<string, string>>): RawHeaders {
  const extra = Object.entries(added).filter(([name, value]) => isSendable(name, value));
  if (extra.length === 0) {
    return headers;
  }
  const replaced = new Set(extra.map(([name]) => name.toLowerCase()));
  const kept = headers.filter(
    (_, index) => !replaced.has((headers[index - (index % 2)] ?? "").toLowerCase()),
  );
  return [...kept, ...extra.flat()];
}

function isSendable(name: string, value: string): boolean {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    return !untouchable.has(name.toLowerCase());
  } catch {
    return false;
  }
}
