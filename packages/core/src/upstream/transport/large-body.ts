import type { Agent, ClientRequestArgs, IncomingMessage } from "node:http";
import type { OnReadOpts } from "node:net";
import { type Duplex, Readable } from "node:stream";
import { UpstreamFailure } from "../../errors.ts";
import { BufferLeases, type ReadBuffers } from "./buffers.ts";

/**
 * A body that is read from its socket in large pieces, past Node's parser, which would copy each of them. The parser never sees the
 * end of the message, so the connection is not used again.
 */
export class LargeBody extends Readable {
  readonly #message: IncomingMessage;
  readonly #reader: SocketReader;
  readonly #leases: BufferLeases;
  #missing: number;
  #flows = true;
  #scheduled: NodeJS.Immediate | undefined;

  /** @param length of the message's body, of which nothing is read yet */
  constructor(message: IncomingMessage, length: number, reader: SocketReader, buffers: ReadBuffers) {
    // One piece at a time: the next one is read while this one is sent.
    super({ highWaterMark: 1 });
    this.#message = message;
    this.#reader = reader;
    this.#missing = length;
    this.#leases = new BufferLeases(buffers);
    message.once("error", (error) => this.#fail(error));
    message.once("close", () => this.#fail(new UpstreamFailure("broken", "connection closed")));
    reader.flush();
    // What came with the head, and since, has been through the parser.
    for (let piece: unknown = message.read(); piece instanceof Buffer; piece = message.read()) {
      this.#missing -= piece.length;
      this.push(piece);
    }
    reader.readFor(this);
  }

  get room(): Buffer | undefined {
    return this.#leases.room;
  }

  /** Takes bytes that were read from the socket. @returns false to pause reading */
  receive(read: Buffer): boolean {
    // Bytes after the body answer no request (RFC 9112 6.3). They are dropped with the connection.
    const piece = read.subarray(0, this.#missing);
    this.#missing -= piece.length;
    if (!this.#leases.fill(piece)) {
      this.#give();
      this.#flows = this.push(Buffer.from(piece));
    }
    if (this.#missing === 0) {
      this.#give();
      this.push(null);
      this.#disconnect();
      return false;
    }
    if (!this.#leases.prepare(this.#missing)) {
      this.#give();
      this.#leases.prepare(this.#missing);
    } else if (this.#leases.holds) {
      // TLS records come one by one, several in a tick: they are pushed together.
      this.#scheduled ??= setImmediate(() => this.#give());
    }
    return this.#flows;
  }

  /** The bytes of a piece are not needed any more, so that its buffer may be written over. */
  release(piece: Buffer): void {
    this.#leases.release(piece);
  }

  abandon(): void {
    this.#leases.abandon();
  }

  override _read(): void {
    if (!this.#flows) {
      this.#flows = true;
      this.#reader.resume();
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#disconnect();
    done(error);
  }

  #give(): void {
    this.#unschedule();
    if (this.#leases.holds) {
      this.#flows = this.push(this.#leases.give());
    }
  }

  #fail(error: Error): void {
    if (this.#missing > 0) {
      this.destroy(error);
    }
  }

  #disconnect(): void {
    this.#unschedule();
    this.#message.destroy();
    this.#leases.end();
  }

  #unschedule(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
  }
}

/** As large as Node's own reads. One buffer serves all sockets, because each read is copied before the next one. */
const plain = Buffer.allocUnsafeSlow(64 * 1024);

export class SocketReader {
  static readonly #ofSockets = new WeakMap<Duplex, SocketReader>();
  #socket: Duplex | undefined;
  #body: LargeBody | undefined;

  /** Gives a reader to every socket that the agent makes from now on. @returns the agent */
  static addTo<A extends Agent>(agent: A): A {
    const { createConnection } = agent;
    return Object.assign(agent, {
      createConnection: (
        options: ClientRequestArgs,
        created?: (error: Error | null, socket: Duplex) => void,
      ) => {
        const reader = new SocketReader();
        const onread: OnReadOpts = {
          buffer: () => reader.#body?.room ?? plain,
          callback: (length, { buffer, byteOffset }) => {
            const read = Buffer.from(buffer, byteOffset, length);
            return reader.#body?.receive(read) ?? reader.#socket?.push(Buffer.from(read)) ?? false;
          },
        };
        const withReader = { ...options, onread };
        const socket = createConnection.call(agent, withReader, created);
        if (socket) {
          reader.#socket = socket;
          SocketReader.#ofSockets.set(socket, reader);
        }
        return socket;
      },
    });
  }

  static of({ socket }: IncomingMessage): SocketReader | undefined {
    return SocketReader.#ofSockets.get(socket);
  }

  /** Drains bytes that wait in the socket into Node's parser, as happens after the parser was paused. */
  flush(): void {
    // The parser listens for the socket's data, and so gets what is read.
    while (this.#socket?.read() instanceof Buffer) {}
  }

  readFor(body: LargeBody): void {
    this.#body = body;
    this.resume();
  }

  resume(): void {
    this.#socket?.resume();
  }
}
