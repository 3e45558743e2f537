import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { CompleteConfig } from "../config/complete.ts";
import { clientAddress } from "../protocol/client-address.ts";
import type { ClientConnection } from "../protocol/forwarding.ts";
import { plainAddress, type TrustedAddresses } from "../protocol/trusted-addresses.ts";
import { StallWatch, taken } from "../upstream/stall-watch.ts";

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
  isClosing(): boolean;
  /** The row of the route contract. */
  route: string;
  repository: string | undefined;
  /** The registry that a mirror's request was for (`?ns=`), where a proxy serves it: told in `OCI-Namespace`. */
  namespace: string | undefined;
  user: string | undefined;
  decision: Decision;
  /** What went wrong, for the log. */
  problem: unknown;
  /** Bytes of bodies moved. */
  readonly moved: { down: number; up: number };
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
  const gone = new Leaving();
  const watch = watchClient(response, config.limits.clientIdle);
  response.once("close", () => {
    watch.clear();
    if (!response.writableFinished) {
      gone.happened();
    }
  });
  const address = plainAddress(request.socket.remoteAddress);
  return {
    request,
    response,
    client: {
      address,
      origin: clientAddress(address, request.rawHeaders, trusted),
      encrypted: request.socket instanceof TLSSocket,
      trusted: trusted.has(address),
    },
    get signal() {
      return gone.signal;
    },
    clientIdle: config.limits.clientIdle,
    showsDecision: config.decisionHeader,
    isClosing,
    route: "other",
    repository: undefined,
    namespace: undefined,
    user: undefined,
    decision: { upstream: "router", reason: "" },
    problem: undefined,
    moved: { down: 0, up: 0 },
  };
}

/** Tells by a signal, which is only made if somebody wants it: most answers are there before their client can leave. */
class Leaving {
  #controller: AbortController | undefined;
  #hasHappened = false;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#hasHappened) {
      this.#controller.abort();
    }
    return this.#controller.signal;
  }

  happened(): void {
    this.#hasHappened = true;
    this.#controller?.abort();
  }
}

/** The same for what is seen through although the client may leave. */
export function outliving(exchange: Exchange): Exchange {
  return { ...exchange, signal: new AbortController().signal };
}

/** A client that does not take what has been written for it is given up, whoever wrote it. */
function watchClient(response: ServerResponse, limit: number): StallWatch {
  return new StallWatch({
    limit,
    measure: () => (response.writableLength > 0 ? taken(response.socket) : undefined),
    stalled: () => response.destroy(),
  });
}
