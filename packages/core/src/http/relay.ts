import type { ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import { UpstreamFailure } from "../errors.ts";
import { absoluteRealms } from "../protocol/challenge.ts";
import { publicHost } from "../protocol/forwarded-headers.ts";
import { isForClients, type RawHeaders, selected } from "../protocol/headers.ts";
import { relativeLocations } from "../protocol/locations.ts";
import type { ErrorResponse } from "../pull/failover.ts";
import type { IntegrityCheck } from "../pull/integrity.ts";
import { ResumableBody, type Resumer, type Source } from "../upstream/resumable-body.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Decision, Exchange } from "./exchange.ts";
import { discardUpload, isUploading } from "./request-body.ts";
import { end, send, writeHead } from "./respond.ts";

const nothing: ReadonlySet<string> = new Set();
const contentLength: ReadonlySet<string> = new Set(["content-length"]);

export interface Safeguards {
  readonly resumer?: Resumer | undefined;
  /** Recognizes a body that was cut although it has neither a length nor chunks. */
  readonly integrity?: IntegrityCheck | undefined;
}

/**
 * Streams an upstream's response to the client. If the client leaves, the upstream's connection is closed at once. If the upstream
 * breaks off and no upstream resumes, the client's connection is closed, so that a short body never looks complete.
 * @throws UpstreamFailure if the body broke off; ClientAborted
 */
export async function relay(
  exchange: Exchange,
  reason: string,
  { upstream, answer }: Pick<Source, "upstream" | "answer">,
  safeguards: Safeguards = {},
): Promise<Decision> {
  const decision = { upstream: upstream.name, reason };
  if (answer.status === 416 && exchange.request.method === "GET") {
    // distribution 2.8 sends the Content-Length of the whole blob and a short text, then closes. Clients need only the status and
    // Content-Range.
    answer.body.destroy();
    const headers = answerHeaders(exchange, upstream, answer, contentLength);
    return send(exchange, decision, { status: 416, headers, body: "" });
  }
  try {
    writeHead(exchange, decision, answer.status, answerHeaders(exchange, upstream, answer));
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
  try {
    return await stream(exchange, { upstream, answer, skip: 0 }, safeguards);
  } catch (error) {
    if (exchange.request.httpVersion === "1.0") {
      reset(exchange.response);
    }
    throw error;
  }
}

/** Sends a response whose body is already read, with `extra` headers. */
export function relayBuffered(
  exchange: Exchange,
  reason: string,
  { upstream, answer, body }: ErrorResponse & Pick<Source, "upstream">,
  extra: RawHeaders = [],
): Decision {
  const { request } = exchange;
  const decision = { upstream: upstream.name, reason };
  if (request.method === "HEAD") {
    writeHead(exchange, decision, answer.status, [...answerHeaders(exchange, upstream, answer), ...extra]);
    return end(exchange);
  }
  const headers = answerHeaders(exchange, upstream, answer, contentLength);
  return send(exchange, decision, { status: answer.status, headers: [...headers, ...extra], body });
}

/** An upstream's headers without hop-by-hop ones. Its `Location` and `Link` lead to the router. */
function answerHeaders(
  { request, client, repository }: Exchange,
  upstream: Upstream,
  { status, headers }: Source["answer"],
  without: ReadonlySet<string> = nothing,
): string[] {
  // A session that hosted began with a client's own credentials is that client's.
  const passed = selected(
    headers,
    (name) => !without.has(name) && (isForClients(name) || (upstream.passthrough && name === "set-cookie")),
  );
  const usable = upstream.passthrough ? absoluteRealms(passed, upstream.url) : passed;
  return relativeLocations(usable, {
    upstream: upstream.url,
    aliases: upstream.aliases,
    isRedirect: status >= 300 && status < 400,
    publicHost: publicHost(request.rawHeaders, client),
    renamed: repository === undefined ? undefined : { from: upstream.nameOf(repository), to: repository },
  });
}

async function stream(
  exchange: Exchange,
  first: Source,
  { resumer, integrity }: Safeguards,
): Promise<Decision> {
  const { request, response, transferred } = exchange;
  const body = new ResumableBody(first, {
    resumer,
    lendsBuffers: request.method === "GET",
    resumed: (from, to, { report }) => {
      const { upstream, reason } = exchange.decision;
      exchange.decision = {
        upstream,
        reason: `${reason}; ${from.name} broke off at byte ${body.given} (${report.cause}), ${to.name} resumed`,
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
    await body.pipeTo((piece, release) => {
      if (response.writableEnded) {
        // Other code has ended the response. Writing to it would emit an error that ends the process.
        body.close();
        return false;
      }
      transferred.down += piece.length;
      integrity?.add(piece);
      return response.write(piece, release);
    });
  } finally {
    response.off("drain", onDrain);
    // Lent buffers may still wait to be sent when the body has ended.
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
  return end(exchange);
}

/** For an HTTP/1.0 client, a closed connection is the end of the body. Only a reset says that the body is cut. */
function reset({ socket }: ServerResponse): void {
  if (socket !== null && !(socket instanceof TLSSocket)) {
    socket.resetAndDestroy();
  }
}
