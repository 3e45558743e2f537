import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { UpstreamFailure } from "../../errors.ts";

export interface HeadTimeouts {
  /** Milliseconds until a connection stands, TLS included. */
  readonly connectTimeout: number;
  /** Milliseconds from the last byte of the request to the response headers. */
  readonly answerTimeout: number;
}

/**
 * Destroys a request whose connection, or later whose response headers, do not come in time.
 * @returns to be called when the headers are here or the request has failed
 */
export function limitWaitForHead(
  request: ClientRequest,
  { connectTimeout, answerTimeout }: HeadTimeouts,
): () => void {
  let isOver = false;
  const fail = (what: string, milliseconds: number) =>
    request.destroy(new UpstreamFailure("timeout", `${what} ${milliseconds} ms`));
  // Begins before there is a socket: a request may wait for one forever.
  let timer = setTimeout(fail, connectTimeout, "no connection within", connectTimeout);
  const awaitConnection = (socket: Socket) => {
    if (socket.connecting) {
      socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", () => clearTimeout(timer));
    } else {
      clearTimeout(timer);
    }
  };
  if (request.socket === null) {
    request.once("socket", awaitConnection);
  } else {
    awaitConnection(request.socket);
  }
  request.once("finish", () => {
    clearTimeout(timer);
    // An early response comes before the request has been sent.
    if (!isOver) {
      timer = setTimeout(fail, answerTimeout, "timeout after", answerTimeout);
    }
  });
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
