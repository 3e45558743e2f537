import type { ClientRequest } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { UpstreamFailure } from "../../errors.ts";

export interface HeadTimeouts {
  /** Milliseconds for the connection, TLS included. */
  readonly connectTimeout: number;
  /** Milliseconds from the last byte of the request to the response headers. */
  readonly answerTimeout: number;
}

/**
 * Destroys a request whose connection or response headers do not come in time.
 * @returns ends the wait, when the head has come or the request has failed
 */
export function limitWaitForHead(
  request: ClientRequest,
  { connectTimeout, answerTimeout }: HeadTimeouts,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const start = (milliseconds: number, what: string) => {
    clearTimeout(timer);
    if (!isOver) {
      timer = setTimeout(
        () => request.destroy(new UpstreamFailure("timeout", `${what} ${milliseconds} ms`)),
        milliseconds,
      );
    }
  };
  const awaitConnection = (socket: Socket) => {
    if (socket.connecting) {
      socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", () => clearTimeout(timer));
    } else {
      clearTimeout(timer);
    }
  };
  // A request may never get a socket.
  start(connectTimeout, "no connection within");
  if (request.socket === null) {
    request.once("socket", awaitConnection);
  } else {
    awaitConnection(request.socket);
  }
  request.once("finish", () => start(answerTimeout, "timeout after"));
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
