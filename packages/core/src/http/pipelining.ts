import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

// Nobody pipelines that many; Node itself would take in requests without end while the first one is under way.
const mostWaiting = 256;

/**
 * Has each request wait for its turn. Node hands over a pipelined request (RFC 9112 9.3.2) while those before it on the
 * connection are under way. Its response has no socket until they are answered, and if the connection dies before, it never
 * says so: what had begun for it would never end.
 */
export class PipelineQueue {
  readonly #waiting = new WeakMap<Socket, number>();

  /** Calls `begin` once the response owns its connection; never, if that dies before. */
  take({ socket }: IncomingMessage, response: ServerResponse, begin: () => void): void {
    if (response.socket !== null) {
      begin();
      return;
    }
    if (this.#count(socket, 1) > mostWaiting) {
      socket.destroy();
      return;
    }
    response.once("socket", () => {
      this.#count(socket, -1);
      begin();
    });
  }

  #count(socket: Socket, change: 1 | -1): number {
    const count = (this.#waiting.get(socket) ?? 0) + change;
    this.#waiting.set(socket, count);
    return count;
  }
}
