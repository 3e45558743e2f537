import type { Socket } from "node:net";
import type { Gauge } from "prom-client";

/** Counts the client connections that are open, seen from a handler that owns no server. */
export class Connections {
  readonly #known = new WeakSet<Socket>();
  readonly #gauge: Gauge;

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
  }

  /** A request came over this connection. */
  seen(socket: Socket): void {
    if (!this.#known.has(socket)) {
      this.#known.add(socket);
      this.#gauge.inc();
      socket.once("close", () => this.#gauge.dec());
    }
  }
}
