import type { Agent, ClientRequestArgs, IncomingMessage } from "node:http";
import type { OnReadOpts } from "node:net";
import { type Duplex, Readable } from "node:stream";
import { UpstreamFailure } from "../../errors.ts";
import { BufferLeases, type ReadBuffers } from "./buffers.ts";

/**
 * A body that is read from its socket in large pieces, past Node's parser, which would copy each of them. The parser does not see the
 * end of the message, so the connection cannot be used again.
 */
export class LargeBody extends Readable {
  readonly #message: IncomingMessage;
  readonly #reader: SocketReader;
  readonly #leases: BufferLeases;
  #missing: number;
  #flows = true;
  #turn: NodeJS.Immediate | undefined;

  /** @param length bytes of the body, of which none has been read */
  constructor(message: IncomingMessage, length: number, reader: SocketReader, buffers: ReadBuffers) {
    // One piece at a time: the next one is read while this one is sent.
    super({ highWaterMark: 1 });
    this.#message = message;
    this.#reader = reader;
    this.#missing = length;
    this.#leases = new BufferLeases(buffers);
    message.once("error", (error) => this.#broken(error));
    message.once("close", () => this.#broken(new UpstreamFailure("broken", "connection closed")));
    reader.flush();
    this.#takeParsed();
    reader.readFor(this);
  }

  get room(): Buffer | undefined {
    return this.#leases.room;
  }

  /** Takes bytes from the socket. @returns false to get no more until `_read` */
  receive(read: Buffer): boolean {
    // Bytes after the body belong to no response (RFC 9112 6.3), and are dropped with the connection.
    const piece = read.subarray(0, this.#missing);
    this.#missing -= piece.length;
    if (!this.#leases.fill(piece)) {
      this.#give();
      this.#flows = this.push(Buffer.from(piece));
    }
    if (this.#missing === 0) {
      this.#finish();
      return false;
    }
    if (!this.#leases.prepare(this.#missing)) {
      this.#give();
      this.#leases.prepare(this.#missing);
    } else if (this.#leases.holds) {
      // Several TLS records arrive in one turn of the event loop: they are given away together.
      this.#turn ??= setImmediate(() => this.#give());
    }
    return this.#flows;
  }

  /** Allows the bytes of a piece to be written over. */
  release(piece: Buffer): void {
    this.#leases.release(piece);
  }

  /** To be called when nothing more will be released. */
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
    this.#part();
    done(error);
  }

  /** Takes the bytes that have already gone through the parser. */
  #takeParsed(): void {
    for (let piece: unknown = this.#message.read(); piece instanceof Buffer; piece = this.#message.read()) {
      this.#missing -= piece.length;
      this.push(piece);
    }
  }

  #give(): void {
    this.#forgetTurn();
    if (this.#leases.holds) {
      this.#flows = this.push(this.#leases.give());
    }
  }

  #finish(): void {
    this.#give();
    this.push(null);
    this.#part();
  }

  #broken(error: Error): void {
    if (this.#missing > 0) {
      this.destroy(error);
    }
  }

  #part(): void {
    this.#forgetTurn();
    this.#message.destroy();
    this.#leases.end();
  }

  #forgetTurn(): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
  }
}

/** For all other reads, as large as Node's own. Bytes are copied out of it before the next read, so all sockets share it. */
const plain = Buffer.allocUnsafeSlow(64 * 1024);

/** Reads a socket for Node's parser, until a large body takes over. */
export class SocketReader {
  #socket: Duplex | undefined;
  #body: LargeBody | undefined;

  /** The options to create the socket with. */
  get options(): OnReadOpts {
    return {
      buffer: () => this.#body?.room ?? plain,
      callback: (length, { buffer, byteOffset }) => this.#handOn(Buffer.from(buffer, byteOffset, length)),
    };
  }

  reads(socket: Duplex): void {
    this.#socket = socket;
  }

  /** Drains bytes that are buffered in the socket into Node's HTTP parser, before a large body takes over. */
  flush(): void {
    // Reading emits `data`, to which the parser listens.
    while (this.#socket?.read() instanceof Buffer) {}
  }

  readFor(body: LargeBody): void {
    this.#body = body;
    this.resume();
  }

  resume(): void {
    this.#socket?.resume();
  }

  #handOn(read: Buffer): boolean {
    return this.#body?.receive(read) ?? this.#socket?.push(Buffer.from(read)) ?? false;
  }
}

export class Readers {
  readonly #readers = new WeakMap<Duplex, SocketReader>();

  /** Gives each new socket of an agent a reader. */
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

  of({ socket }: IncomingMessage): SocketReader | undefined {
    return this.#readers.get(socket);
  }
}
