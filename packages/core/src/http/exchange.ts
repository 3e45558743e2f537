import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { CompleteConfig } from "../config/complete.ts";
import { bareHostName, clientAddress, plainAddress, type TrustedAddresses } from "../protocol/address.ts";
import { type ClientConnection, publicHost } from "../protocol/forwarding.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { EntryPoint } from "../routing/policy.ts";
import { taken, watchForStall } from "../upstream/transport/stall-watch.ts";

/** Who answered, and why: for `X-Combined-Registry`, the access log and metrics. */
export interface Decision {
  /** An upstream's name, or `router`. */
  readonly upstream: string;
  /** One line for people; empty while nothing is decided. */
  readonly reason: string;
}

/** One request and its answer on the way, with what is learned about them for the account. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly client: ClientConnection;
  /** Aborted when the client is gone before its answer is complete. */
  readonly signal: AbortSignal;
  /** Milliseconds that the client may stand still. */
  readonly clientIdle: number;
  /** Whether the decision is told to the client. */
  readonly showsDecision: boolean;
  /** Whether this is to be the last answer on its connection. */
  readonly isClosing: () => boolean;
  /** The row of the route contract. */
  route: string;
  repository: string | undefined;
  /** The registry that a mirror's request was for (`?ns=`), where a proxy serves it: told in `OCI-Namespace`. */
  namespace: string | undefined;
  user: string | undefined;
  /** Whether the rules and `authorize` have let it go on to what it is for. */
  authorized: boolean;
  decision: Decision;
  /** What went wrong, for the log. */
  problem: unknown;
  /** Bytes of bodies moved. */
  readonly transferred: { down: number; up: number };
  /** Whether the router itself has begun and ended the response, rather than other code of the application. */
  readonly answer: { begun: boolean; ended: boolean };
}

/** What a handler knows that its requests do not. */
export interface ExchangeContext {
  readonly config: CompleteConfig;
  readonly trusted: TrustedAddresses;
}

/** Begins an exchange: from here on, the client's leaving is noticed. */
export function newExchange(
  request: IncomingMessage,
  response: ServerResponse,
  { config, trusted }: ExchangeContext,
  isClosing: () => boolean,
): Exchange {
  const exchange = new ClientExchange(request, response, clientOf(request, trusted), config, isClosing);
  const watch = watchClient(response, config.limits.clientIdle);
  response.once("close", () => {
    clearInterval(watch);
    if (!response.writableFinished || !exchange.answer.ended) {
      exchange.leave();
    }
  });
  return exchange;
}

function clientOf({ socket, rawHeaders }: IncomingMessage, trusted: TrustedAddresses): ClientConnection {
  const address = plainAddress(socket.remoteAddress);
  return {
    address,
    origin: clientAddress(address, rawHeaders, trusted),
    encrypted: socket instanceof TLSSocket,
    trusted: trusted.has(address),
  };
}

/**
 * A class, as V8 makes a hidden class anew for each object literal with a getter: with one here, collecting them took as long as
 * answering.
 */
class ClientExchange implements Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly client: ClientConnection;
  readonly clientIdle: number;
  readonly showsDecision: boolean;
  readonly isClosing: () => boolean;
  route = "other";
  repository: string | undefined = undefined;
  namespace: string | undefined = undefined;
  user: string | undefined = undefined;
  authorized = false;
  decision: Decision = { upstream: "router", reason: "" };
  problem: unknown = undefined;
  readonly transferred = { down: 0, up: 0 };
  readonly answer = { begun: false, ended: false };
  #leaving: AbortController | undefined;
  #hasLeft = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    client: ClientConnection,
    { limits, decisionHeader }: CompleteConfig,
    isClosing: () => boolean,
  ) {
    this.request = request;
    this.response = response;
    this.client = client;
    this.clientIdle = limits.clientIdle;
    this.showsDecision = decisionHeader;
    this.isClosing = isClosing;
  }

  /** Made only if somebody wants it: most answers are there before their client can leave. */
  get signal(): AbortSignal {
    this.#leaving ??= new AbortController();
    if (this.#hasLeft) {
      this.#leaving.abort();
    }
    return this.#leaving.signal;
  }

  /** The client is gone. */
  leave(): void {
    this.#hasLeft = true;
    this.#leaving?.abort();
  }
}

/** The same for what is seen through although the client may leave. */
export function detached(exchange: Exchange): Exchange {
  return { ...exchange, signal: new AbortController().signal };
}

/** A client that does not take what has been written for it is given up, whoever wrote it. */
function watchClient(response: ServerResponse, limit: number): NodeJS.Timeout {
  return watchForStall({
    limit,
    measure: () => (response.writableLength > 0 ? taken(response.socket) : undefined),
    stalled: () => response.destroy(),
  });
}

/** Which way a request came in. */
export function entryPointOf(
  { request, client }: Exchange,
  { namespace }: Pick<RegistryRequest, "namespace">,
): EntryPoint {
  const host = publicHost(request.rawHeaders, client);
  return { namespace, host: host === undefined ? undefined : bareHostName(host) };
}
