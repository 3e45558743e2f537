import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { CompleteConfig } from "../config/complete.ts";
import { bareHostName, clientAddress, plainAddress, type TrustedAddresses } from "../protocol/address.ts";
import { type ClientConnection, publicHost } from "../protocol/forwarded-headers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { EntryPoint } from "../routing/policy.ts";
import { taken, watchForStall } from "../upstream/transport/stall-watch.ts";

/** Who answered, and why: for `X-Combined-Registry`, the access log and metrics. */
export interface Decision {
  readonly upstream: string;
  /** One line for people; empty before the decision. */
  readonly reason: string;
}

interface ExchangeContext {
  readonly config: CompleteConfig;
  readonly trusted: TrustedAddresses;
}

/** One request and its response, with what is learned about them for logs and metrics. */
export type Exchange = Pick<ClientExchange, keyof ClientExchange>;

/**
 * A class rather than an object literal: V8 makes a new hidden class for each literal with a getter, and collecting those took as
 * long as answering.
 */
export class ClientExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly client: ClientConnection;
  /** Milliseconds without progress after which the client is disconnected. */
  readonly clientIdle: number;
  /** Whether the response tells the decision in `X-Combined-Registry`. */
  readonly showsDecision: boolean;
  /** True while draining: responses that begin now close their connection. */
  readonly isClosing: () => boolean;
  route = "other";
  repository: string | undefined = undefined;
  /** The registry that a proxy mirrors for this request (`?ns=`), sent in `OCI-Namespace`. */
  namespace: string | undefined = undefined;
  user: string | undefined = undefined;
  /** Whether the rules and `authorize` have let the request through. */
  authorized = false;
  decision: Decision = { upstream: "router", reason: "" };
  problem: unknown = undefined;
  readonly transferred = { down: 0, up: 0 };
  /** Whether the router itself has begun and ended the response, rather than other code of the application. */
  readonly answer = { begun: false, ended: false };
  #abort: AbortController | undefined;
  #hasLeft = false;

  /** From here on, a client that leaves aborts `signal`, and a client that stops reading is disconnected. */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    { config: { limits, decisionHeader }, trusted }: ExchangeContext,
    isClosing: () => boolean,
  ) {
    const { socket } = request;
    const address = plainAddress(socket.remoteAddress);
    this.request = request;
    this.response = response;
    this.client = {
      address,
      origin: clientAddress(address, request.rawHeaders, trusted),
      encrypted: socket instanceof TLSSocket,
      trusted: trusted.has(address),
    };
    this.clientIdle = limits.clientIdle;
    this.showsDecision = decisionHeader;
    this.isClosing = isClosing;
    const watch = watchForStall({
      limit: limits.clientIdle,
      measure: () => (response.writableLength > 0 ? taken(response.socket) : undefined),
      stalled: () => response.destroy(),
    });
    response.once("close", () => {
      clearInterval(watch);
      if (!response.writableFinished || !this.answer.ended) {
        this.#hasLeft = true;
        this.#abort?.abort();
      }
    });
  }

  /** Aborted when the client leaves before its response is complete. Made on demand: most responses need none. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#hasLeft) {
      this.#abort.abort();
    }
    return this.#abort.signal;
  }
}

/** A copy whose signal never aborts, for work that must finish after the client disconnects. */
export function detached(exchange: Exchange): Exchange {
  return { ...exchange, signal: new AbortController().signal };
}

/** The host name and the namespace by which a request came in. */
export function entryPointOf(
  { request, client }: Exchange,
  { namespace }: Pick<RegistryRequest, "namespace">,
): EntryPoint {
  const host = publicHost(request.rawHeaders, client);
  return { namespace, host: host === undefined ? undefined : bareHostName(host) };
}
