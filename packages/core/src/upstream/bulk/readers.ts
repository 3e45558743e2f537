import type { Agent, ClientRequestArgs, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { SocketReader } from "./socket-reader.ts";

/** The readers of an agent's sockets. */
export class Readers {
  readonly #readers = new WeakMap<Duplex, SocketReader>();

  /** Has every socket that an agent makes from now on read by a reader. */
  readFor<A extends Agent>(agent: A): A {
    const { createConnection } = agent;
    return Object.assign(agent, {
      createConnection: (
        options: ClientRequestArgs,
        created?: (error: Error | null, socket: Duplex) => void,
      ) => {
        const reader = new SocketReader();
        const withReader = { ...options, onread: reader.options };
        const socket = createConnection.call(agent, withReader, created);
        if (socket) {
          reader.reads(socket);
          this.#readers.set(socket, reader);
        }
        return socket;
      },
    });
  }

  /** Who reads the socket that an answer comes over. */
  of({ socket }: IncomingMessage): SocketReader | undefined {
    return this.#readers.get(socket);
  }
}
