import type { Agent, ClientRequestArgs, IncomingMessage } from "node:http";
import type { OnReadOpts } from "node:net";
import { type Duplex, Readable } from "node:stream";
import { UpstreamFailure } from "../../errors.ts";
import { BufferLeases, type ReadBuffers } from "./buffers.ts";

/**
 * A body that is taken from its socket in large pieces, past Node's parser, which would copy each of them. As the parser never gets
 * to see the end of the message, the connection is not used again.
 */
export class LargeBody extends Readable {
  readonly #message: IncomingMessage;
  readonly #reader: SocketReader;
  readonly #leases: BufferLeases;
  /** Bytes that have not been read yet. */
  #missing: number;
  #flows = true;
  #turn: NodeJS.Immediate | undefined;

  /** @param length of the message's body; nobody has read any of it */
  constructor(message: IncomingMessage, length: number, reader: SocketReader, buffers: ReadBuffers) {
    // Any piece is as much as is wanted at a time: the next one is read while it is on its way.
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

  /** What to read into next; undefined if there is nothing to be had. */
  get room(): Buffer | undefined {
    return this.#leases.room;
  }

  /** Takes what has been read from the socket. @returns false if no more is wanted for now */
  receive(read: Buffer): boolean {
    // What follows the body belongs to nothing that was asked for (RFC 9112 6.3), and goes with the connection.
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
      // TLS records come one by one, and several in a turn: they are given away together.
      this.#turn ??= setImmediate(() => this.#give());
    }
    return this.#flows;
  }

  /** A piece is of no more use to whoever was given it: its bytes may be written over. */
  release(piece: Buffer): void {
    this.#leases.release(piece);
  }

  /** Nothing more will be released. */
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

  /** What came with the head, and since, has been through the parser. */
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

  /** From the connection. */
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

/**
 * What is read into unless a large body comes, as large as Node's own reads. What has been read is copied before anything else can
 * be read, so one does for all sockets.
 */
const plain = Buffer.allocUnsafeSlow(64 * 1024);

/** Reads a socket: for Node's parser, until a large body takes the rest. */
export class SocketReader {
  #socket: Duplex | undefined;
  #body: LargeBody | undefined;

  /** What a socket is made with that is to be read by this. */
  get options(): OnReadOpts {
    return {
      buffer: () => this.#body?.room ?? plain,
      callback: (length, { buffer, byteOffset }) => this.#handOn(Buffer.from(buffer, byteOffset, length)),
    };
  }

  /** That socket. */
  reads(socket: Duplex): void {
    this.#socket = socket;
  }

  /** Has the parser take at once what was read for it and waits in the socket, as it does when the parser had enough for a while. */
  flush(): void {
    // Whoever listens for the socket's data, as the parser does, is given what is read.
    while (this.#socket?.read() instanceof Buffer) {}
  }

  /** From now on, everything is for this body. */
  readFor(body: LargeBody): void {
    this.#body = body;
    this.resume();
  }

  /** After less was wanted. */
  resume(): void {
    this.#socket?.resume();
  }

  /** @returns false if no more is wanted for now */
  #handOn(read: Buffer): boolean {
    return this.#body?.receive(read) ?? this.#socket?.push(Buffer.from(read)) ?? false;
  }
}

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
