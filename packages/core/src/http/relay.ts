import type { ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import { UpstreamFailure } from "../errors.ts";
import { publicHost } from "../protocol/forwarding.ts";
import { endToEnd, type RawHeaders } from "../protocol/headers.ts";
import { relativeLocations } from "../protocol/locations.ts";
import type { ErrorResponse } from "../pull/failover.ts";
import type { IntegrityCheck } from "../pull/integrity.ts";
import { ResumableBody } from "../pull/resumable-body.ts";
import type { Resumer, Source } from "../pull/resume.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Exchange } from "./exchange.ts";
import { discardUpload, isUploading } from "./request-body.ts";
import { send, writeHead } from "./respond.ts";

const nothing: ReadonlySet<string> = new Set();
const contentLength: ReadonlySet<string> = new Set(["content-length"]);

/** What prevents that a body ends short. */
export interface Safeguards {
  /** Asks for the rest when the upstream breaks off. */
  readonly resumer?: Resumer | undefined;
  /** Tells a cut from the end of a body that has neither a length nor chunks. */
  readonly integrity?: IntegrityCheck | undefined;
}

/**
 * Streams an upstream's answer to the client. If the client leaves, the upstream's connection is closed at once. If the upstream
 * breaks off and no upstream resumes, the client's is: a short body never ends as if it were complete.
 * @throws UpstreamFailure if the body broke off; ClientAborted
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
    await stream(exchange, { upstream, answer, skip: 0 }, safeguards);
  } catch (error) {
    if (exchange.request.httpVersion === "1.0") {
      reset(exchange.response);
    }
    throw error;
  }
}

/** Sends an answer whose body was read before, with `extra` headers. */
export function relayBuffered(
  exchange: Exchange,
  upstream: Upstream,
  { answer, body }: ErrorResponse,
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

/** An upstream's headers without those for one hop, with addresses that lead back to the router. */
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

// distribution 2.8 answers a range that cannot be satisfied with the Content-Length of the whole blob and a short text, then
// closes. Clients need only the status and Content-Range.
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
  exchange.response.end();
}

async function stream(exchange: Exchange, first: Source, { resumer, integrity }: Safeguards): Promise<void> {
  const { request, response, transferred } = exchange;
  const body = new ResumableBody(first, {
    resumer,
    lendsBuffers: request.method === "GET",
    resumed: (from, to, { report }) => {
      const { upstream, reason } = exchange.decision;
      exchange.decision = {
        upstream,
        reason: `${reason}; ${from.name} broke off at byte ${body.given} (${report.cause}), ${to.name} went on`,
      };
    },
  });
  const onDrain = () => body.resume();
  response.on("drain", onDrain);
  const onClose = () => body.close();
  response.once("close", onClose);
  if (response.destroyed) {
    body.close();
  }
  try {
    await body.pour((piece, release) => {
      transferred.down += piece.length;
      integrity?.add(piece);
      return response.write(piece, release);
    });
  } finally {
    response.off("drain", onDrain);
    // Lent pieces may still wait to be sent at the end of the body.
    if (!body.lends) {
      response.off("close", onClose);
    }
  }
  if (integrity?.holds() === false) {
    throw new UpstreamFailure("broken", "the connection ended before the content did");
  }
  if (isUploading(request)) {
    await discardUpload(request);
  }
  response.end();
}

/** For an HTTP/1.0 client, a closed connection is the end of the body. Only a reset tells it that the body is cut. */
function reset({ socket }: ServerResponse): void {
  if (socket !== null && !(socket instanceof TLSSocket)) {
    socket.resetAndDestroy();
  }
}
