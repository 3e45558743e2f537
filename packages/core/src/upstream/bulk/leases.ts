import { buffersPerStream, type ReadBuffers } from "./read-buffers.ts";

// For so few bytes no buffer is given out of hand: they are copied. Bytes.
const few = 16 * 1024;

/** A buffer given out of hand. */
interface Lease {
  readonly buffer: Buffer;
  /** Bytes that are not known to be of no more use. */
  inUse: number;
}

/**
 * The buffers that one stream is read into. What becomes of what has been read cannot be known here: a buffer is read into again
 * only when whoever was given its bytes has released all of them. Not to release any costs speed, and never gets anybody to see
 * wrong bytes.
 */
export class Leases {
  readonly #buffers: ReadBuffers;
  readonly #leases: Lease[] = [];
  #next: Buffer | undefined;
  #ended = false;

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers;
    buffers.begin();
  }

  /** What to read into next; undefined if there is nothing to be had. */
  get next(): Buffer | undefined {
    return this.#next;
  }

  /** Gives what has been read out of hand: the very bytes, if they fill a buffer well enough, or a copy. */
  lease(read: Buffer): Buffer {
    const buffer = this.#next;
    if (buffer === undefined || read.buffer !== buffer.buffer || read.length <= few) {
      return Buffer.from(read);
    }
    this.#leases.push({ buffer, inUse: read.length });
    this.#next = undefined;
    return read;
  }

  /** Sees to a buffer for the next read. @param useful bytes beyond which it would be too large */
  prepare(useful: number): void {
    if (this.#next === undefined && this.#leases.length < buffersPerStream) {
      this.#next = this.#buffers.take(useful);
    }
  }

  /** A piece is of no more use to whoever was given it. */
  release(piece: Buffer): void {
    const index = this.#leases.findIndex(({ buffer }) => buffer.buffer === piece.buffer);
    const lease = this.#leases[index];
    if (lease === undefined) {
      return;
    }
    lease.inUse -= piece.length;
    if (lease.inUse === 0) {
      this.#leases.splice(index, 1);
      this.#buffers.giveBack(lease.buffer);
    }
  }

  /** Nothing more is read. */
  end(): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#buffers.end();
    if (this.#next !== undefined) {
      // The socket has been told of it.
      this.#buffers.forget(this.#next);
      this.#next = undefined;
    }
  }

  /** Nothing more will be released. */
  abandon(): void {
    this.end();
    for (const { buffer } of this.#leases.splice(0)) {
      this.#buffers.forget(buffer);
    }
  }
}
