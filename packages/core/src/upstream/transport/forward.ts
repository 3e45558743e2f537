import { type ClientRequest, IncomingMessage, type ServerResponse } from "node:http";
import { createProxyServer, type ProxyServer } from "http-proxy";
import { ClientAborted, UpstreamFailure, upstreamFailure } from "../../errors.ts";
import { pairs, type RawHeaders } from "../../protocol/headers.ts";
import type { Agents } from "./agents.ts";
import { type HeadTimeouts, limitWaitForHead } from "./deadline.ts";
import { addressOf, answerOf, type UpstreamResponse } from "./send.ts";
import { taken, watchForStall } from "./stall-watch.ts";
import { traced, upstreamChannel } from "./trace.ts";

/** A request whose body streams from the client to an upstream. */
export interface Delivery {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Everything but `Host`. */
  readonly headers: RawHeaders;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Told of every piece of the body. */
  transferred(bytes: number): void;
}

/** How long an upload may stand still. Milliseconds. */
export interface UploadTimeouts extends HeadTimeouts {
  /** The upstream takes no byte. */
  readonly upstreamIdle: number;
  /** The client sends no byte. */
  readonly clientIdle: number;
}

interface Waiting {
  connecting(upstreamRequest: ClientRequest): void;
  answered(body: IncomingMessage): void;
}

/**
 * The one place where http-proxy is used: it carries request bodies with backpressure and ties the two ends'
 * lives together. What it sends is decided before, what it receives is dealt with after.
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
      // Not the URL itself: of that, http-proxy would look up an IPv6 address with its brackets.
      target: { protocol, hostname, ...(port !== undefined && { port }) },
      // A body cannot be sent again if a kept connection turns out to have been closed at the other end.
      agent: agents.fresh,
      selfHandleResponse: true,
      // The path is complete already: a prefix must not be put before it again.
      prependPath: false,
    });
    this.#proxy.on("proxyReq", (upstreamRequest, carrier) =>
      this.#waiting.get(carrier)?.connecting(upstreamRequest),
    );
    this.#proxy.on("proxyRes", (body, carrier) => this.#waiting.get(carrier)?.answered(body));
  }

  /**
   * Sends a request on, and resolves with the head of the answer.
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
        // http-proxy would wait for the end of a client that has left already.
        reject(new ClientAborted());
        return;
      }
      // http-proxy and the relay of the answer listen for its end more often than Node thinks is right.
      response.setMaxListeners(response.getMaxListeners() + 10);
      const carrier = carrierOf(delivery, this.#host);
      let endWatches = () => {};
      const settle = (action: () => void) => {
        endWatches();
        action();
      };
      this.#waiting.set(carrier, {
        connecting: (upstreamRequest) => {
          // http-proxy starts the flow right after this, in the same turn.
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
    // Whose turn it is: the upstream's while there is something that it has not taken.
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
 * http-proxy sends on the method, address and headers of the message it is given. The client's own message stays
 * as it is, for the host application's sake; this one carries what was decided, and the body comes from the other.
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
