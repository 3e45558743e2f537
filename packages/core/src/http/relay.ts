import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { TLSSocket } from "node:tls";
import { ClientAborted, UpstreamFailure } from "../errors.ts";
import { publicHost } from "../protocol/forwarding.ts";
import { endToEnd, firstValue, type RawHeaders } from "../protocol/headers.ts";
import { relativeLocations } from "../protocol/locations.ts";
import type { ErrorResponse } from "../pull/failover.ts";
import type { IntegrityCheck } from "../pull/integrity.ts";
import type { Resumer, Source } from "../pull/resume.ts";
import { processBuffers } from "../upstream/transport/buffers.ts";
import { LargeBody } from "../upstream/transport/large-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import { StallWatch } from "../upstream/transport/stall-watch.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Exchange } from "./exchange.ts";
import { pipeBody } from "./pipe-body.ts";
import { discardUpload, isUploading } from "./request-body.ts";
import { end, send, writeHead } from "./respond.ts";

const nothing: ReadonlySet<string> = new Set();
// Bytes. The connection cannot be used again.
const leastForLargePieces = 4 * 1024 * 1024;
const contentLength: ReadonlySet<string> = new Set(["content-length"]);

/** What keeps a body from ending short. */
export interface Safeguards {
  /** Knows how to go on when the upstream breaks off. */
  readonly resumer?: Resumer | undefined;
  /** Tells a cut from the end where the body does not. */
  readonly integrity?: IntegrityCheck | undefined;
}

/**
 * Streams an upstream's answer to the client. If the upstream breaks off and nobody goes on, or whichever end breaks, the other
 * is torn down at once: a short body never ends as if it were whole.
 * @throws what the body broke off with
 */
export async function relay(
  exchange: Exchange,
  upstream: Upstream,
  answer: UpstreamResponse,
  safeguards: Safeguards = {},
): Promise<void> {
  if (answer.status === 416 && exchange.request.method === "GET") {
    return relayWithoutBody(exchange, upstream, answer);
  }
  try {
    writeHead(exchange, answer.status, answerHeaders(exchange, upstream, answer.headers));
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
  try {
    await stream(exchange, { upstream, answer, passOver: 0 }, safeguards);
  } catch (error) {
    if (exchange.request.httpVersion === "1.0") {
      reset(exchange.response);
    }
    throw error;
  }
}

/** Gives the client an answer that has been read already, with `extra` headers. */
export function relayBuffered(
  exchange: Exchange,
  upstream: Upstream,
  { answer, body }: ErrorResponse,
  extra: RawHeaders = [],
): void {
  const { request } = exchange;
  if (request.method === "HEAD") {
    writeHead(exchange, answer.status, [...answerHeaders(exchange, upstream, answer.headers), ...extra]);
    end(exchange);
    return;
  }
  const headers = answerHeaders(exchange, upstream, answer.headers, contentLength);
  send(exchange, { status: answer.status, headers: [...headers, ...extra], body });
}

/** The headers of an upstream's answer as the client is to see them. */
function answerHeaders(
  { request, client, repository }: Exchange,
  upstream: Upstream,
  headers: RawHeaders,
  without: ReadonlySet<string> = nothing,
): string[] {
  return relativeLocations(endToEnd(headers, without), {
    upstream: upstream.url,
    publicHost: publicHost(request.rawHeaders, client),
    renamed: repository === undefined ? undefined : { from: upstream.nameOf(repository), to: repository },
  });
}

// distribution 2.8 answers a range that cannot be satisfied with the Content-Length of the whole blob and a
// short text, then closes. What counts is the status and Content-Range.
function relayWithoutBody(
  exchange: Exchange,
  upstream: Upstream,
  { status, headers, body }: UpstreamResponse,
): void {
  body.destroy();
  writeHead(exchange, status, [
    ...answerHeaders(exchange, upstream, headers, contentLength),
    "Content-Length",
    "0",
  ]);
  end(exchange);
}

async function stream(
  exchange: Exchange,
  first: Source,
  { resumer: mender, integrity: proof }: Safeguards,
): Promise<void> {
  const { request, transferred: moved } = exchange;
  let source = first;
  let broken = await pipeFrom(exchange, source, proof);
  while (broken !== undefined) {
    const next = await mender?.resumeAt(source.upstream, moved.down);
    if (next === undefined) {
      throw broken;
    }
    const { upstream, reason } = exchange.decision;
    exchange.decision = {
      upstream,
      reason: `${reason}; ${source.upstream.name} broke off at byte ${moved.down} (${broken.report.cause}), ${next.upstream.name} went on`,
    };
    source = next;
    broken = await pipeFrom(exchange, source, proof);
  }
  if (proof?.holds() === false) {
    throw new UpstreamFailure("broken", "the connection ended before the content did");
  }
  if (isUploading(request)) {
    await discardUpload(request);
  }
  end(exchange);
}

/**
 * Pours as much of a body as comes.
 * @returns what it broke off with
 * @throws ClientGone
 */
async function pipeFrom(
  exchange: Exchange,
  source: Source,
  integrity: IntegrityCheck | undefined,
): Promise<UpstreamFailure | undefined> {
  const { response, transferred: moved } = exchange;
  let received = 0;
  const watch = watchUpstream(exchange, source, () => received);
  try {
    await pipeBody(inLargePieces(exchange, source.answer), response, {
      passOver: source.passOver,
      transferred: (bytes) => {
        received += bytes;
      },
      written: (piece) => {
        moved.down += piece.length;
        integrity?.add(piece);
      },
    });
    return undefined;
  } catch (error) {
    if (error instanceof ClientAborted) {
      throw error;
    }
    return error instanceof UpstreamFailure
      ? error
      : new UpstreamFailure("broken", "connection closed", { cause: error });
  } finally {
    watch.clear();
  }
}

/** The body of an answer, taken past Node's parser if it is worth a connection. */
function inLargePieces(
  { request, response }: Exchange,
  { body, headers, reader }: UpstreamResponse,
): Readable {
  const length = Number(firstValue(headers, "content-length"));
  const isLarge = request.method === "GET" && length >= leastForLargePieces && !body.complete;
  if (!isLarge || reader === undefined || firstValue(headers, "transfer-encoding") !== undefined) {
    return body;
  }
  const large = new LargeBody(body, length, reader, processBuffers);
  // Without a limit: one more listens each time that somebody else goes on, and a large body can be gone on with very often.
  response.setMaxListeners(0);
  // Not before: what has been written may still be on its way.
  response.once("close", () => large.abandon());
  return large;
}

/** An HTTP/1.0 client takes the end of the connection for the end of the body, unless it ends in an error. */
function reset({ socket }: ServerResponse): void {
  if (socket !== null && !(socket instanceof TLSSocket)) {
    socket.resetAndDestroy();
  }
}

function watchUpstream(
  { response }: Exchange,
  { upstream: { timeouts }, answer: { body } }: Source,
  received: () => number,
): StallWatch {
  return new StallWatch({
    limit: timeouts.idle,
    measure: () => (response.writableNeedDrain ? undefined : received()),
    stalled: () =>
      body.destroy(new UpstreamFailure("timeout", `no byte of the body within ${timeouts.idle} ms`)),
  });
}
