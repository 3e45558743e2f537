import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { TLSSocket } from "node:tls";
import { publicHost } from "../protocol/forwarding.ts";
import { endToEnd, type RawHeaders } from "../protocol/headers.ts";
import { relativeLocations } from "../protocol/locations.ts";
import type { Answer } from "../upstream/ask.ts";
import { UpstreamFailure } from "../upstream/failure.ts";
import { StallWatch } from "../upstream/stall-watch.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Exchange } from "./exchange.ts";
import { discardUpload, isUploading } from "./request-body.ts";
import { send, writeHead } from "./send.ts";
import type { Refusal } from "./walk.ts";

const nothing: ReadonlySet<string> = new Set();
const contentLength: ReadonlySet<string> = new Set(["content-length"]);

/**
 * Streams an upstream's answer to the client. Whichever end breaks, the other is torn down at once: a short body
 * never ends as if it were whole. The error is thrown once both are.
 */
export async function relay(exchange: Exchange, upstream: Upstream, answer: Answer): Promise<void> {
  if (answer.status === 416 && exchange.request.method === "GET") {
    return relayWithoutBody(exchange, upstream, answer);
  }
  try {
    writeHead(exchange, answer.status, answerHeaders(exchange, upstream, answer.headers));
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
  await stream(exchange, upstream, answer.body);
}

/** Gives the client an answer that has been read already, with `extra` headers. */
export function repeat(
  exchange: Exchange,
  upstream: Upstream,
  { answer, body }: Refusal,
  extra: RawHeaders = [],
): void {
  const { request, response } = exchange;
  if (request.method === "HEAD") {
    writeHead(exchange, answer.status, [...answerHeaders(exchange, upstream, answer.headers), ...extra]);
    response.end();
    return;
  }
  const headers = answerHeaders(exchange, upstream, answer.headers, contentLength);
  send(exchange, { status: answer.status, headers: [...headers, ...extra], body });
}

/** The headers of an upstream's answer as the client is to see them. */
function answerHeaders(
  { request, client }: Exchange,
  upstream: Upstream,
  headers: RawHeaders,
  without: ReadonlySet<string> = nothing,
): string[] {
  return relativeLocations(endToEnd(headers, without), {
    upstream: upstream.url,
    publicHost: publicHost(request.rawHeaders, client),
  });
}

// distribution 2.8 answers a range that cannot be satisfied with the Content-Length of the whole blob and a
// short text, then closes. What counts is the status and Content-Range.
function relayWithoutBody(exchange: Exchange, upstream: Upstream, { status, headers, body }: Answer): void {
  body.destroy();
  writeHead(exchange, status, [
    ...answerHeaders(exchange, upstream, headers, contentLength),
    "Content-Length",
    "0",
  ]);
  exchange.response.end();
}

async function stream(exchange: Exchange, upstream: Upstream, body: IncomingMessage): Promise<void> {
  const { request, response, moved } = exchange;
  if (request.httpVersion === "1.0") {
    body.once("error", () => reset(response));
  }
  const watch = watchUpstream(exchange, upstream, body);
  try {
    const uploading = isUploading(request);
    const done = pipeline(body, response, { end: !uploading });
    body.on("data", (chunk: Buffer) => {
      moved.down += chunk.length;
    });
    await done;
    if (uploading) {
      await discardUpload(request);
      response.end();
    }
  } finally {
    watch.clear();
  }
}

/** An HTTP/1.0 client takes the end of the connection for the end of the body, unless it ends in an error. */
function reset({ socket }: ServerResponse): void {
  if (socket !== null && !(socket instanceof TLSSocket)) {
    socket.resetAndDestroy();
  }
}

function watchUpstream(
  { response, moved }: Exchange,
  { timeouts }: Upstream,
  body: IncomingMessage,
): StallWatch {
  return new StallWatch({
    limit: timeouts.idle,
    measure: () => (response.writableNeedDrain ? undefined : moved.down),
    stalled: () =>
      body.destroy(new UpstreamFailure("late", `no byte of the body within ${timeouts.idle} ms`)),
  });
}
