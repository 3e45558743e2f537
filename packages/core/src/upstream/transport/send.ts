import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline, Readable } from "node:stream";
import { ClientAborted, CopyFailure, errorCode, UpstreamFailure, upstreamFailure } from "../../errors.ts";
import type { RawHeaders } from "../../protocol/headers.ts";
import { isRepeatable } from "../request.ts";
import type { AgentPools } from "./agents.ts";
import { type HeadTimeouts, limitWaitForHead } from "./deadline.ts";
import type { Readers } from "./large-body.ts";
import { taken, watchForStall } from "./stall-watch.ts";
import { traced, upstreamChannel } from "./trace.ts";

export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Everything but `Host`. */
  readonly headers: RawHeaders;
  /** Its type and, if known, its length are in `headers`. */
  readonly body?: string | Buffer | Readable | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds for connection and headers, if shorter than configured. */
  readonly timeout?: number | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: RawHeaders;
  /** Has to be read to its end or destroyed, or its connection stays open. */
  readonly body: IncomingMessage;
  /** The body, if it has been read to its end. */
  readonly read?: Buffer;
  /** Those that could read the body in large pieces. */
  readonly readers?: Readers;
}

export interface Address {
  /** `http:` or `https:` */
  readonly protocol: string;
  /** As resolvers want it: IPv6 addresses without brackets. */
  readonly hostname: string;
  /** Undefined for the protocol's default. */
  readonly port: string | undefined;
  /** The value of `Host`. */
  readonly host: string;
}

interface Destination extends HeadTimeouts {
  /** Name of the upstream, also for its token endpoint and redirects. */
  readonly upstream: string;
  readonly address: Address;
  readonly agent: Agent;
  readonly readers: Readers;
  /** Milliseconds without progress of the request body. */
  readonly idle: number;
}

/** A kept connection was closed when the request was written: worth one more try. */
class StaleConnection extends UpstreamFailure {}

/**
 * Resolves with the head of the response. A repeatable request goes out on a kept connection, and once more on a fresh one if that
 * turns out to be closed.
 * @throws UpstreamFailure, ClientAborted; CopyFailure if that is what a body that streams broke off with
 */
export function send(
  pools: AgentPools,
  destination: Omit<Destination, "agent" | "readers">,
  request: HttpRequest,
): Promise<UpstreamResponse> {
  if (!upstreamChannel.hasSubscribers) {
    return sendTwice(pools, destination, request);
  }
  const { upstream, address } = destination;
  const { method, path, headers } = request;
  return traced({ upstream, method, protocol: address.protocol, host: address.host, path, headers }, (sent) =>
    sendTwice(pools, destination, sent === headers ? request : { ...request, headers: sent }),
  );
}

async function sendTwice(
  { pooled, fresh, readers }: AgentPools,
  destination: Omit<Destination, "agent" | "readers">,
  request: HttpRequest,
): Promise<UpstreamResponse> {
  if (isRepeatable(request.method)) {
    try {
      return await sendOnce({ ...destination, readers, agent: pooled }, request);
    } catch (error) {
      if (!(error instanceof StaleConnection)) {
        throw error;
      }
    }
  }
  return sendOnce({ ...destination, readers, agent: fresh }, request);
}

function sendOnce(destination: Destination, http: HttpRequest): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    const { signal } = http;
    if (signal.aborted) {
      reject(new ClientAborted());
      return;
    }
    const request = open(destination, http);
    const endDeadline = limitWaitForHead(request, destination);
    const onAbort = () => {
      reject(new ClientAborted());
      request.destroy();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    let isSettled = false;
    const settled = () => {
      isSettled = true;
      endDeadline();
      signal.removeEventListener("abort", onAbort);
    };
    request.on("response", (body) => {
      settled();
      resolve({ ...answerOf(body), readers: destination.readers });
    });
    // Stays after the head: a later error would have no listener. The reader of the body gets it as well.
    request.on("error", (error) => {
      settled();
      reject(
        isStale(request, error)
          ? new StaleConnection("broken", "connection closed before an answer")
          : error instanceof CopyFailure
            ? error
            : upstreamFailure(error),
      );
    });
    // Without a response and without an error: the upstream switched protocols (101).
    request.on("close", () => {
      // Only if needed: an error object is expensive to make.
      if (!isSettled) {
        settled();
        reject(new UpstreamFailure("broken", "connection closed before an answer"));
      }
    });
    if (http.body === undefined) {
      request.end();
    } else {
      sendBody(request, http.body, destination.idle);
    }
  });
}

export function answerOf(body: IncomingMessage): UpstreamResponse {
  return {
    status: body.statusCode ?? 0,
    headers: body.rawHeaders,
    body,
  };
}

// Signed URLs of object storage, and tokens, can be longer than Node's 16 KiB.
const longestHead = 64 * 1024;

function open({ address, agent }: Destination, { method, path, headers }: HttpRequest): ClientRequest {
  const { protocol, hostname, port, host } = address;
  const open = protocol === "https:" ? httpsRequest : httpRequest;
  return open({
    protocol,
    hostname,
    port,
    method,
    path,
    agent,
    maxHeaderSize: longestHead,
    // Node sends a list unchanged, with repeated names, and adds no `Host` to it.
    headers: ["Host", host, ...headers],
  });
}

/** Parsed once: each access to a part of a URL makes a new string. */
export function addressOf({ protocol, hostname, port, host }: URL): Address {
  return {
    protocol,
    host,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? undefined : port,
  };
}

function isStale(request: ClientRequest, error: Error): boolean {
  return request.reusedSocket && ["ECONNRESET", "EPIPE"].includes(errorCode(error));
}

/**
 * Ends a request with its body, no faster than the upstream takes it. If either breaks, so does the other.
 * @param idle milliseconds in which the upstream has to take some of it
 */
export function sendBody(request: ClientRequest, body: string | Buffer | Readable, idle: number): void {
  const watch = watchForStall({
    limit: idle,
    measure: () =>
      request.writableLength > 0 || request.writableNeedDrain ? taken(request.socket) : undefined,
    stalled: () =>
      request.destroy(new UpstreamFailure("timeout", `read no byte of the body within ${idle} ms`)),
  });
  request.once("close", () => clearInterval(watch));
  request.once("finish", () => clearInterval(watch));
  if (body instanceof Readable) {
    // The request has to fail with this error; pipeline alone would only abort it.
    body.once("error", (error) => request.destroy(error));
    pipeline(body, request, () => undefined);
  } else {
    request.end(body);
  }
}
