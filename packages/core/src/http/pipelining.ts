import { AsyncResource } from "node:async_hooks";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

// Nobody pipelines that many; Node itself would take in requests without end while the first one is under way.
const mostWaiting = 256;

/** What follows for a request that waits. */
interface Turn {
  begin(): void;
  abandon(): void;
}

/**
 * Has each request wait for its turn. Node hands over a pipelined request (RFC 9112 9.3.2) while those before it on the
 * connection are under way. Its response has no socket until they are answered, and if the connection dies before, it never
 * says so: what had begun for it would never end.
 */
export class PipelineQueue {
  /** By connection: what to call for each waiting request if the connection dies. */
  readonly #waiting = new WeakMap<Socket, Set<() => void>>();

  /** Calls `begin` once the response owns its connection, or `abandon` if that dies before. */
  take({ socket }: IncomingMessage, response: ServerResponse, { begin, abandon }: Turn): void {
    if (response.socket !== null) {
      begin();
      return;
    }
    const waiting = this.#waitingOn(socket);
    if (socket.destroyed || waiting.size >= mostWaiting) {
      socket.destroy();
      abandon();
      return;
    }
    waiting.add(abandon);
    // In the context of this request: the event is emitted in that of the one before it.
    const begins = AsyncResource.bind(begin);
    response.once("socket", () => {
      waiting.delete(abandon);
      begins();
    });
  }

  #waitingOn(socket: Socket): Set<() => void> {
    const known = this.#waiting.get(socket);
    if (known !== undefined) {
      return known;
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
