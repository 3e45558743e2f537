const mebibyte = 1024 * 1024;
// From here on, larger reads gain nothing.
const largest = mebibyte;
// Less is not worth the handling: Node's own reads are of 64 KiB.
const smallest = mebibyte / 8;

/** What a stream has at most at a time: one being read into, one waiting for its turn, one being written to the client. */
export const buffersPerStream = 3;

/**
 * Lends buffers for large reads, within a budget. The more streams there are, the smaller are the buffers that each is lent; none
 * are where they would be too small to be of use.
 */
export class ReadBuffers {
  readonly #budget: number;
  /** Those not lent. */
  readonly #spare: Buffer[] = [];
  #held = 0;
  #streams = 0;

  /** @param budget bytes that all buffers have together at most, lent or kept for the next stream */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Bytes that all buffers have together. */
  get held(): number {
    return this.#held;
  }

  /** Those of them that are lent. */
  get lent(): number {
    return this.#spare.reduce((sum, { length }) => sum - length, this.#held);
  }

  /** A stream begins that will want buffers. */
  begin(): void {
    this.#streams += 1;
  }

  /** It has ended, and will want no more. */
  end(): void {
    this.#streams -= 1;
  }

  /** Lends a buffer. @param useful bytes beyond which the stream has no use for it */
  take(useful: number): Buffer | undefined {
    const share = this.#budget / Math.max(1, this.#streams) / buffersPerStream;
    const size = Math.min(largest, powerOfTwoWithin(share), powerOfTwoFor(useful));
    if (size < smallest) {
      return undefined;
    }
    const fitting = this.#spare.findIndex(({ length }) => length === size);
    return fitting === -1 ? this.#make(size) : this.#spare.splice(fitting, 1)[0];
  }

  /** Takes a buffer back that nobody uses any more. */
  giveBack(buffer: Buffer): void {
    this.#spare.push(buffer);
  }

  /** Counts no longer on a buffer of which it will never be known whether somebody still uses it. */
  forget({ length }: Buffer): void {
    this.#held -= length;
  }

  #make(size: number): Buffer | undefined {
    while (this.#held + size > this.#budget) {
      const spare = this.#spare.pop();
      if (spare === undefined) {
        return undefined;
      }
      this.forget(spare);
    }
    this.#held += size;
    // Slow: a buffer of its own, not a part of one that others have parts of.
    return Buffer.allocUnsafeSlow(size);
  }
}

/**
 * The buffers of this process. How much memory reads may take is a matter of the process, however many handlers and upstreams it
 * has, so this is the one thing that they share without being told.
 */
export const processBuffers = new ReadBuffers(32 * mebibyte);

function powerOfTwoWithin(size: number): number {
  return size < 1 ? 0 : 2 ** Math.floor(Math.log2(size));
}

function powerOfTwoFor(size: number): number {
  return size < 1 ? 0 : 2 ** Math.ceil(Math.log2(size));
}

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
export class BufferLeases {
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
