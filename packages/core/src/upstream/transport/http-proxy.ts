import { type ClientRequest, IncomingMessage, type ServerResponse } from "node:http";
import { createProxyServer, type ProxyServer } from "http-proxy";
import { ClientAborted, UpstreamFailure, upstreamFailure } from "../../errors.ts";
import { pairs, type RawHeaders } from "../../protocol/headers.ts";
import type { Agents } from "./agents.ts";
import { type HeadTimeouts, limitWaitForHead } from "./deadline.ts";
import { lingerAfterFailedWrites } from "./linger.ts";
import { addressOf, type UpstreamResponse } from "./send.ts";
import { hasUntaken, watchForStall, watchUpload } from "./stall-watch.ts";
import { traced, upstreamChannel } from "./trace.ts";

export interface Delivery {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly headers: RawHeaders;
  readonly signal: AbortSignal;
  transferred(bytes: number): void;
}

interface UploadTimeouts extends HeadTimeouts {
  /** Milliseconds without a byte that the upstream takes. */
  readonly upstreamIdle: number;
  /** Milliseconds without a byte from the client. */
  readonly clientIdle: number;
}

interface Waiting {
  onRequest(upstreamRequest: ClientRequest): void;
  onResponse(body: IncomingMessage): void;
}

/**
 * The one place where http-proxy is used. It carries request bodies with backpressure, and closes each end when the other one fails.
 * What it sends is decided before, and its response is handled after.
 */
export class Forwarder {
  readonly #proxy: ProxyServer;
  readonly #waiting = new WeakMap<IncomingMessage, Waiting>();
  readonly #upstream: string;
  readonly #protocol: string;
  readonly #host: string;
  readonly #timeouts: UploadTimeouts;

  constructor(
    { name, url }: { readonly name: string; readonly url: URL },
    agents: Agents,
    timeouts: UploadTimeouts,
  ) {
    const { protocol, hostname, port, host } = addressOf(url);
    this.#upstream = name;
    this.#protocol = protocol;
    this.#host = host;
    this.#timeouts = timeouts;
    this.#proxy = createProxyServer({
      // Not the URL itself: http-proxy would look up an IPv6 address with its brackets.
      target: { protocol, hostname, ...(port !== undefined && { port }) },
      // A body cannot be sent again if a kept connection turns out to be closed at the other end.
      agent: agents.fresh,
      selfHandleResponse: true,
      // The path is complete: http-proxy must not put a prefix before it.
      prependPath: false,
    });
    this.#proxy.on("proxyReq", (request, carrier) => this.#waiting.get(carrier)?.onRequest(request));
    this.#proxy.on("proxyRes", (body, carrier) => this.#waiting.get(carrier)?.onResponse(body));
  }

  /**
   * Forwards a request, and resolves with the head of the response.
   * @throws UpstreamFailure, ClientAborted
   */
  forward(delivery: Delivery): Promise<UpstreamResponse> {
    if (!upstreamChannel.hasSubscribers) {
      return this.#forward(delivery);
    }
    const { method, path, headers } = delivery;
    const described = { upstream: this.#upstream, protocol: this.#protocol, host: this.#host };
    return traced({ ...described, method, path, headers }, (sent) =>
      this.#forward({ ...delivery, headers: sent }),
    );
  }

  #forward(delivery: Delivery): Promise<UpstreamResponse> {
    return new Promise((resolve, reject) => {
      const { request, response, signal } = delivery;
      if (signal.aborted) {
        // http-proxy would wait for the end of a client that is gone.
        reject(new ClientAborted());
        return;
      }
      // http-proxy and the relay of the response add more listeners than Node allows without a warning.
      response.setMaxListeners(response.getMaxListeners() + 10);
      const carrier = createCarrier(delivery, this.#host);
      let endWatches = () => {};
      const fail = (error: Error) => {
        endWatches();
        reject(error);
      };
      this.#waiting.set(carrier, {
        onRequest: (upstreamRequest) => {
          // http-proxy starts the flow right after this, in the same tick.
          request.on("data", (chunk: Buffer) => delivery.transferred(chunk.length));
          upstreamRequest.once("close", () =>
            fail(new UpstreamFailure("broken", "connection closed before an answer")),
          );
          lingerAfterFailedWrites(upstreamRequest);
          const endDeadline = limitWaitForHead(upstreamRequest, this.#timeouts);
          const watches = this.#stallWatches(request, upstreamRequest);
          endWatches = () => {
            endDeadline();
            watches.forEach(clearInterval);
          };
        },
        onResponse: (body) => {
          endWatches();
          resolve({ status: body.statusCode ?? 0, headers: body.rawHeaders, body });
        },
      });
      signal.addEventListener("abort", () => fail(new ClientAborted()), { once: true });
      this.#proxy.web(carrier, response, { buffer: request }).then(
        () => fail(new ClientAborted()),
        (error: unknown) => fail(upstreamFailure(error)),
      );
    });
  }

  #stallWatches(request: IncomingMessage, upstreamRequest: ClientRequest): NodeJS.Timeout[] {
    const { upstreamIdle, clientIdle } = this.#timeouts;
    const { socket } = request;
    return [
      watchUpload(upstreamRequest, upstreamIdle, "upload"),
      watchForStall({
        limit: clientIdle,
        measure: () => (request.complete || hasUntaken(upstreamRequest) ? undefined : socket.bytesRead),
        stalled: () => socket.destroy(),
      }),
    ];
  }
}

/**
 * http-proxy reads method, address and headers from a message. The carrier is that message, so that the client's own one stays
 * unchanged for the host application. The body comes from the client's.
 */
function createCarrier({ request, method, path, headers }: Delivery, host: string): IncomingMessage {
  const carrier = new IncomingMessage(request.socket);
  carrier.method = method;
  carrier.url = path;
  carrier.httpVersion = request.httpVersion;
  carrier.httpVersionMajor = request.httpVersionMajor;
  carrier.httpVersionMinor = request.httpVersionMinor;
  // A map first: a header may be called __proto__ or constructor.
  const collected = new Map<string, string | string[]>([["host", host]]);
  for (const [name, value] of pairs(headers)) {
    const lower = name.toLowerCase();
    const before = collected.get(lower);
    collected.set(lower, before === undefined ? value : [before, value].flat());
  }
  carrier.headers = Object.fromEntries(collected);
  return carrier;
}
