import { type ClientRequest, IncomingMessage, type ServerResponse } from "node:http";
import { createProxyServer, type ProxyServer } from "http-proxy";
import { ClientAborted, UpstreamFailure, upstreamFailure } from "../../errors.ts";
import { pairs, type RawHeaders } from "../../protocol/headers.ts";
import type { Agents } from "./agents.ts";
import { type HeadTimeouts, limitWaitForHead } from "./deadline.ts";
import { addressOf, answerOf, type UpstreamResponse } from "./send.ts";
import { taken, watchForStall } from "./stall-watch.ts";
import { traced, upstreamChannel } from "./trace.ts";

export interface Delivery {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Everything but `Host`. */
  readonly headers: RawHeaders;
  readonly signal: AbortSignal;
  transferred(bytes: number): void;
}

/** Milliseconds that an upload may stand still. */
export interface UploadTimeouts extends HeadTimeouts {
  /** While the upstream takes no byte. */
  readonly upstreamIdle: number;
  /** While the client sends no byte. */
  readonly clientIdle: number;
}

interface Waiting {
  connecting(upstreamRequest: ClientRequest): void;
  answered(body: IncomingMessage): void;
}

/** The only user of http-proxy, which streams request bodies with backpressure and closes each end when the other one fails. */
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
      // A body cannot be sent again if a kept connection turns out to be closed.
      agent: agents.fresh,
      selfHandleResponse: true,
      // The path already has the prefix of the URL.
      prependPath: false,
    });
    this.#proxy.on("proxyReq", (upstreamRequest, carrier) =>
      this.#waiting.get(carrier)?.connecting(upstreamRequest),
    );
    this.#proxy.on("proxyRes", (body, carrier) => this.#waiting.get(carrier)?.answered(body));
  }

  /**
   * Resolves with the head of the response.
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
        // http-proxy would wait for the end of a request whose client has left.
        reject(new ClientAborted());
        return;
      }
      // http-proxy and the relay add more listeners than Node expects.
      response.setMaxListeners(response.getMaxListeners() + 10);
      const carrier = carrierOf(delivery, this.#host);
      let endWatches = () => {};
      const settle = (action: () => void) => {
        endWatches();
        action();
      };
      this.#waiting.set(carrier, {
        connecting: (upstreamRequest) => {
          // http-proxy starts the flow right after this call.
          request.on("data", (chunk: Buffer) => delivery.transferred(chunk.length));
          upstreamRequest.once("close", () =>
            settle(() => reject(new UpstreamFailure("broken", "connection closed before an answer"))),
          );
          const endDeadline = limitWaitForHead(upstreamRequest, this.#timeouts);
          const watches = this.#stallWatches(request, upstreamRequest);
          endWatches = () => {
            endDeadline();
            watches.forEach(clearInterval);
          };
        },
        answered: (body) => settle(() => resolve(answerOf(body))),
      });
      signal.addEventListener("abort", () => settle(() => reject(new ClientAborted())), { once: true });
      this.#proxy.web(carrier, response, { buffer: request }).then(
        () => settle(() => reject(new ClientAborted())),
        (error: unknown) => settle(() => reject(upstreamFailure(error))),
      );
    });
  }

  #stallWatches(request: IncomingMessage, upstreamRequest: ClientRequest): NodeJS.Timeout[] {
    const { upstreamIdle, clientIdle } = this.#timeouts;
    const { socket } = request;
    // While there are untaken bytes, the upstream is the slow side, else the client.
    const untaken = () => upstreamRequest.writableLength > 0 || upstreamRequest.writableNeedDrain;
    return [
      watchForStall({
        limit: upstreamIdle,
        measure: () => (untaken() ? taken(upstreamRequest.socket) : undefined),
        stalled: () =>
          upstreamRequest.destroy(
            new UpstreamFailure("timeout", `read no byte of the upload within ${upstreamIdle} ms`),
          ),
      }),
      watchForStall({
        limit: clientIdle,
        measure: () => (request.complete || untaken() ? undefined : socket.bytesRead),
        stalled: () => socket.destroy(),
      }),
    ];
  }
}

/**
 * http-proxy sends the method, path and headers of the message that it gets. The client's own message must not change, since the host
 * application may read it. So this one has the headers, and the body comes from the client's.
 */
function carrierOf({ request, method, path, headers }: Delivery, host: string): IncomingMessage {
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
