import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The connections of a server. */
export interface Connections {
  /** Closes those without a request now, and each other one as soon as its answers are out. */
  drain(): void;
  /** Breaks off all that are left. Returns how many answers were unfinished. */
  cut(): number;
}

/**
 * Counts the unfinished answers of each connection. To be called before the server listens.
 * `announcement` is the event with the sockets that requests come from: another one where there is TLS.
 */
export function trackConnections(
  server: Server,
  announcement: "connection" | "secureConnection",
): Connections {
  const unfinished = new Map<Socket, number>();
  let draining = false;

  const closeIfIdle = (socket: Socket) => {
    if (draining && unfinished.get(socket) === 0) {
      // Lets the kernel send what it still holds.
      socket.destroySoon();
    }
  };

  server.on(announcement, (socket: Socket) => {
    unfinished.set(socket, 0);
    socket.once("close", () => unfinished.delete(socket));
    closeIfIdle(socket);
  });
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    unfinished.set(socket, (unfinished.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const count = unfinished.get(socket);
      // Of a client that left, the connection may have closed before the answer: it must not come back into the map.
      if (count !== undefined) {
        unfinished.set(socket, count - 1);
        closeIfIdle(socket);
      }
    });
  });

  return {
    drain() {
      draining = true;
      for (const socket of unfinished.keys()) {
        closeIfIdle(socket);
      }
    },
    cut() {
      let answers = 0;
      for (const [socket, count] of unfinished) {
        answers += count;
        socket.destroy();
      }
      return answers;
    },
  };
}
