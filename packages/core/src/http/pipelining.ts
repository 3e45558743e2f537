import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

// No client pipelines that many. Node itself would accept requests without limit while the first one is in flight.
const mostWaiting = 256;

/**
 * Makes each pipelined request wait for its turn. Node hands over a pipelined request (RFC 9112 9.3.2) while earlier ones on the
 * connection are in flight. Its response has no socket until they are answered. If the connection dies before that, the response
 * emits no event, and work that had begun for it would never end.
 */
export class PipelineQueue {
  /** For each connection, functions to call for its waiting requests if it dies. */
  readonly #waiting = new WeakMap<Socket, Set<() => void>>();

  /**
   * Waits until a response that has no socket yet gets its connection.
   * @returns false if the connection died before
   */
  turn(socket: Socket, response: ServerResponse): Promise<boolean> {
    return new Promise((resolve) => {
      const waiting = this.#waitingOn(socket);
      if (socket.destroyed || waiting.size >= mostWaiting) {
        socket.destroy();
        resolve(false);
        return;
      }
      const abandon = () => resolve(false);
      waiting.add(abandon);
      response.once("socket", () => {
        waiting.delete(abandon);
        resolve(true);
      });
    });
  }

  #waitingOn(socket: Socket): Set<() => void> {
    const existing = this.#waiting.get(socket);
    if (existing !== undefined) {
      return existing;
    }
    const waiting = new Set<() => void>();
    this.#waiting.set(socket, waiting);
    socket.once("close", () => {
      for (const abandon of waiting) {
        abandon();
      }
      waiting.clear();
    });
    return waiting;
  }
}
