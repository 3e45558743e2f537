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

/** A request, usually without a body. */
export interface HttpRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Everything but `Host`. */
  readonly headers: RawHeaders;
  /** With its type and, where it is known, its length in `headers`. */
  readonly body?: string | Buffer | Readable | undefined;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Milliseconds for connection and headers, if it is to be less than usual. */
  readonly timeout?: number | undefined;
}

/** The head of an upstream's answer, and the body still to come. */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: RawHeaders;
  /** To be read to the end or destroyed, or its connection is lost. */
  readonly body: IncomingMessage;
  /** The body, where it has been read to its end. */
  readonly read?: Buffer;
  /** Those that could read the body in large pieces. */
  readonly readers?: Readers;
}

/** Where a connection leads to. */
export interface Address {
  /** `http:` or `https:` */
  readonly protocol: string;
  /** As resolvers want it: IPv6 addresses without brackets. */
  readonly hostname: string;
  /** Undefined for the one that goes with the protocol. */
  readonly port: string | undefined;
  /** As it stands in `Host`. */
  readonly host: string;
}

/** Where a request goes, and how long it may take. */
interface Destination extends HeadTimeouts {
  /** Name of the upstream on whose account it is asked. */
  readonly upstream: string;
  readonly address: Address;
  readonly agent: Agent;
  readonly readers: Readers;
  /** Milliseconds in which it has to take some of a body. */
  readonly idle: number;
}

/** A kept connection was closed as the request was written. Worth one more try. */
class StaleConnection extends UpstreamFailure {}

/**
 * Sends a request, and resolves with the head of the response. What may be sent twice goes out on a kept connection, and once more on a
 * fresh one if that turned out to be dead.
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
    // Stays for the life of the request: an error after the head belongs to whoever reads the body.
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
    // Without an answer and without an error: an upstream that switches protocols (101), which nobody asked for.
    request.on("close", () => {
      // Making an error costs more than all else that is done at the end of a request.
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

/** The head of a response, as it stands on the wire. */
export function answerOf(body: IncomingMessage): UpstreamResponse {
  return {
    status: body.statusCode ?? 0,
    headers: body.rawHeaders,
    body,
  };
}

// Signed addresses of object storage, and tokens, can outgrow Node's 16 KiB.
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
    // A list is sent as it stands, repeated names included; then `Host` is up to us.
    headers: ["Host", host, ...headers],
  });
}

/** Reads a URL once: its parts are cut out of it each time that they are asked for. */
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
    // Its turn while there is something that it has not taken.
    measure: () =>
      request.writableLength > 0 || request.writableNeedDrain ? taken(request.socket) : undefined,
    stalled: () =>
      request.destroy(new UpstreamFailure("timeout", `read no byte of the body within ${idle} ms`)),
  });
  request.once("close", () => clearInterval(watch));
  request.once("finish", () => clearInterval(watch));
  if (body instanceof Readable) {
    // Whoever asks is told of its error; pipeline by itself would only abort a request.
    body.once("error", (error) => request.destroy(error));
    pipeline(body, request, () => undefined);
  } else {
    request.end(body);
  }
}
