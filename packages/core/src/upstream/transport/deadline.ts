import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { UpstreamFailure } from "../../errors.ts";

/** How long the head of an answer may take. */
export interface HeadTimeouts {
  /** Milliseconds until a connection stands, TLS included. */
  readonly connectTimeout: number;
  /** Milliseconds from the last byte of the request to the response headers. */
  readonly answerTimeout: number;
}

/** Ends a request whose connection, or later whose response headers, do not come in time. */
export class HeadDeadline {
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  readonly #request: ClientRequest;

  constructor(request: ClientRequest, { connectTimeout, answerTimeout }: HeadTimeouts) {
    this.#request = request;
    // Even a request that never gets a socket comes to an end.
    this.#start(connectTimeout, "no connection within");
    if (request.socket === null) {
      request.once("socket", (socket: Socket) => this.#awaitConnection(socket));
    } else {
      this.#awaitConnection(request.socket);
    }
    request.once("finish", () => this.#start(answerTimeout, "timeout after"));
  }

  /** The head is there, or the request has failed. */
  clear(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  #awaitConnection(socket: Socket): void {
    if (socket.connecting) {
      socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", () => clearTimeout(this.#timer));
    } else {
      clearTimeout(this.#timer);
    }
  }

  #start(milliseconds: number, what: string): void {
    clearTimeout(this.#timer);
    if (!this.#over) {
      this.#timer = setTimeout(() => {
        this.#request.destroy(new UpstreamFailure("timeout", `${what} ${milliseconds} ms`));
      }, milliseconds);
    }
  }
}
