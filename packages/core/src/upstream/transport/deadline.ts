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

/**
 * Ends a request whose connection, or later whose response headers, do not come in time.
 * @returns to be called when the head is there, or the request has failed
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
  // Even a request that never gets a socket comes to an end.
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
