import { buffersPerStream, type ReadBuffers } from "../transport/buffers.ts";

// A TLS record: what a read brings at least, where there is enough to come. Bytes.
const leastRoom = 16 * 1024;

/** A buffer that is lent. */
interface Lease {
  readonly buffer: Buffer;
  /** Bytes from its beginning that have been read. */
  filled: number;
  /** Bytes from its beginning that have been given out of hand. */
  given: number;
  /** Bytes of those that are not known to be of no more use. */
  inUse: number;
}

/**
 * The buffers that one stream is read into. What becomes of what has been read cannot be known here: a buffer is lent to others
 * only when whoever was given its bytes has released all of them. Not to release any costs speed, and never gets anybody to see
 * wrong bytes.
 */
export class Leases {
  readonly #buffers: ReadBuffers;
  readonly #leases: Lease[] = [];
  #current: Lease | undefined;
  #ended = false;

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers;
    buffers.begin();
  }

  /** What to read into next; undefined if there is nothing to be had. */
  get room(): Buffer | undefined {
    return this.#current?.buffer.subarray(this.#current.filled);
  }

  /** Whether there is something to be given out of hand. */
  get holds(): boolean {
    return this.#current !== undefined && this.#current.filled > this.#current.given;
  }

  /** Something has been read. @returns false if it was not read into `room` */
  fill(read: Buffer): boolean {
    const lease = this.#current;
    if (lease === undefined || read.buffer !== lease.buffer.buffer) {
      return false;
    }
    lease.filled += read.length;
    return true;
  }

  /** Gives out of hand what has been read since the last time. */
  give(): Buffer {
    const lease = this.#current;
    if (lease === undefined) {
      return Buffer.alloc(0);
    }
    const piece = lease.buffer.subarray(lease.given, lease.filled);
    lease.given = lease.filled;
    lease.inUse += piece.length;
    return piece;
  }

  /** Sees to some room. @param useful bytes beyond which it would be too much. @returns false if everything has to be given first */
  prepare(useful: number): boolean {
    const lease = this.#current;
    if (lease !== undefined && lease.buffer.length - lease.filled >= leastRoom) {
      return true;
    }
    if (this.holds) {
      return false;
    }
    this.#setAside();
    const buffer = this.#leases.length < buffersPerStream ? this.#buffers.take(useful) : undefined;
    if (buffer !== undefined) {
      this.#current = { buffer, filled: 0, given: 0, inUse: 0 };
      this.#leases.push(this.#current);
    }
    return true;
  }

  /** A piece is of no more use to whoever was given it. */
  release(piece: Buffer): void {
    const lease = this.#leases.find(({ buffer }) => buffer.buffer === piece.buffer);
    if (lease !== undefined) {
      lease.inUse -= piece.length;
      this.#returnIfUnused(lease);
    }
  }

  /** Nothing more is read: the socket is closed. */
  end(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#buffers.end();
      this.#setAside();
    }
  }

  /** Nothing more will be released. */
  abandon(): void {
    this.end();
    for (const { buffer } of this.#leases.splice(0)) {
      this.#buffers.forget(buffer);
    }
  }

  #setAside(): void {
    const lease = this.#current;
    this.#current = undefined;
    if (lease !== undefined) {
      this.#returnIfUnused(lease);
    }
  }

  #returnIfUnused(lease: Lease): void {
    if (lease.inUse === 0 && lease !== this.#current) {
      this.#leases.splice(this.#leases.indexOf(lease), 1);
      this.#buffers.giveBack(lease.buffer);
    }
  }
}
