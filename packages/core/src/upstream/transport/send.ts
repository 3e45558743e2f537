import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline, Readable } from "node:stream";
import { ClientAborted, CopyFailure, errorCode, UpstreamFailure, upstreamFailure } from "../../errors.ts";
import type { RawHeaders } from "../../protocol/headers.ts";
import { isRepeatable } from "../request.ts";
import type { AgentPools } from "./agents.ts";
import { type HeadTimeouts, limitWaitForHead } from "./deadline.ts";
import { lingerAfterFailedWrites } from "./linger.ts";
import { watchUpload } from "./stall-watch.ts";
import { traced, upstreamChannel } from "./trace.ts";

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  /** Without `Host`. */
  readonly headers: RawHeaders;
  /** `headers` hold its type and, if known, its length. */
  readonly body?: string | Buffer | Readable | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds for connection and headers, if shorter than configured. */
  readonly timeout?: number | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: RawHeaders;
  /** The receiver reads this to the end or destroys it. Otherwise the connection is lost. */
  readonly body: IncomingMessage;
  /** The whole body, if it was read. */
  readonly read?: Buffer;
  /** Whether the request had a token of the router's. */
  readonly sentToken?: boolean;
  /** Why a successful response cannot be what was asked for; absent if nothing speaks against it. */
  readonly objection?: string | undefined;
}

/** Parts of a URL, which computes them at each access. */
export interface Address {
  readonly protocol: string;
  /** For name resolution: an IPv6 address has no brackets. */
  readonly hostname: string;
  readonly port: string | undefined;
  readonly host: string;
}

export function addressOf({ protocol, hostname, port, host }: URL): Address {
  return {
    protocol,
    host,
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? undefined : port,
  };
}

interface Destination extends HeadTimeouts {
  /** Name of the upstream, for traces: token endpoints and redirects have other addresses. */
  readonly upstream: string;
  readonly address: Address;
  /** Milliseconds in which the upstream has to take some of a body. */
  readonly idle: number;
}

// Signed addresses of object storage, and tokens, can be longer than Node's 16 KiB.
const longestHead = 64 * 1024;

/** A kept connection was closed while the request was written: another connection is worth a try. */
class StaleConnection extends UpstreamFailure {}

/**
 * Sends a request, and resolves with the head of the response. A repeatable request uses a kept connection, and is repeated on a fresh
 * one if that connection turns out to be dead.
 * @throws UpstreamFailure, ClientAborted; CopyFailure if the body is a stream that fails with one
 */
export function send(
  pools: AgentPools,
  destination: Destination,
  request: HttpRequest,
): Promise<UpstreamResponse> {
  if (!upstreamChannel.hasSubscribers) {
    return sendWithRetry(pools, destination, request);
  }
  const { upstream, address } = destination;
  const { method, path, headers } = request;
  return traced({ upstream, method, protocol: address.protocol, host: address.host, path, headers }, (sent) =>
    sendWithRetry(pools, destination, sent === headers ? request : { ...request, headers: sent }),
  );
}

async function sendWithRetry(
  { pooled, fresh }: AgentPools,
  destination: Destination,
  request: HttpRequest,
): Promise<UpstreamResponse> {
  if (isRepeatable(request.method)) {
    try {
      return await sendOnce(pooled, destination, request);
    } catch (error) {
      if (!(error instanceof StaleConnection)) {
        throw error;
      }
    }
  }
  return sendOnce(fresh, destination, request);
}

function sendOnce(agent: Agent, destination: Destination, http: HttpRequest): Promise<UpstreamResponse> {
  return new Promise((resolve, reject) => {
    const { signal } = http;
    if (signal.aborted) {
      reject(new ClientAborted());
      return;
    }
    const { protocol, hostname, port, host } = destination.address;
    const request = (protocol === "https:" ? httpsRequest : httpRequest)({
      protocol,
      hostname,
      port,
      method: http.method,
      path: http.path,
      agent,
      maxHeaderSize: longestHead,
      // Node sends a list unchanged, repeated names included, and adds no `Host`.
      headers: ["Host", host, ...http.headers],
    });
    const endDeadline = limitWaitForHead(request, destination);
    const onAbort = () => {
      reject(new ClientAborted());
      request.destroy();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    let isSettled = false;
    const settle = () => {
      isSettled = true;
      endDeadline();
      signal.removeEventListener("abort", onAbort);
    };
    request.on("response", (body) => {
      settle();
      resolve({ status: body.statusCode ?? 0, headers: body.rawHeaders, body });
    });
    // Stays for the life of the request. An error after the head is for the reader of the body, but without a listener here it would
    // end the process.
    request.on("error", (error) => {
      settle();
      const isStale = request.reusedSocket && ["ECONNRESET", "EPIPE"].includes(errorCode(error));
      if (isStale) {
        reject(new StaleConnection("broken", "connection closed before an answer"));
      } else {
        reject(error instanceof CopyFailure ? error : upstreamFailure(error));
      }
    });
    // Without a response and without an error if the upstream switches protocols (101), which no request asks for.
    request.on("close", () => {
      // Making an error costs more than all other work at the end of a request.
      if (!isSettled) {
        settle();
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

/** Sends a body no faster than the upstream takes it. If one side fails, so does the other. */
function sendBody(request: ClientRequest, body: string | Buffer | Readable, idle: number): void {
  lingerAfterFailedWrites(request);
  const watch = watchUpload(request, idle, "body");
  request.once("close", () => clearInterval(watch));
  request.once("finish", () => clearInterval(watch));
  if (body instanceof Readable) {
    // pipeline by itself would abort the request without the reason.
    body.once("error", (error) => request.destroy(error));
    pipeline(body, request, () => undefined);
  } else {
    request.end(body);
  }
}
