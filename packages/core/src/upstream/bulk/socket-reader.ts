import type { OnReadOpts } from "node:net";
import type { Duplex } from "node:stream";
import type { LargeBody } from "../transport/large-body.ts";

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
