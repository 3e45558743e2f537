const mebibyte = 1024 * 1024;
// From here on, larger reads gain nothing.
const largest = mebibyte;
// Node itself reads 64 KiB at a time: little more is not worth the handling.
const smallest = mebibyte / 8;

/** One is read into, one waits, one is written to the client. */
export const buffersPerStream = 3;

/**
 * Lends buffers for large reads, within a budget. The more streams there are, the smaller their buffers; a stream gets none if they
 * would be too small to be of use.
 */
export class ReadBuffers {
  readonly #budget: number;
  readonly #spare: Buffer[] = [];
  #held = 0;
  #streams = 0;

  /** @param budget most bytes of all buffers together, lent or kept for the next stream */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Bytes of all buffers together. */
  get held(): number {
    return this.#held;
  }

  /** Bytes of the lent buffers. */
  get lent(): number {
    return this.#spare.reduce((sum, { length }) => sum - length, this.#held);
  }

  begin(): void {
    this.#streams += 1;
  }

  end(): void {
    this.#streams -= 1;
  }

  /** @param useful bytes beyond which the stream has no use for the buffer */
  take(useful: number): Buffer | undefined {
    const share = this.#budget / Math.max(1, this.#streams) / buffersPerStream;
    const size = Math.min(largest, powerOfTwoWithin(share), powerOfTwoFor(useful));
    if (size < smallest) {
      return undefined;
    }
    const fitting = this.#spare.findIndex(({ length }) => length === size);
    return fitting === -1 ? this.#make(size) : this.#spare.splice(fitting, 1)[0];
  }

  giveBack(buffer: Buffer): void {
    this.#spare.push(buffer);
  }

  /** Leaves a buffer to the garbage collection: it will not be known when it is no longer in use. */
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
    // Slow: not a part of a pool that other buffers share.
    return Buffer.allocUnsafeSlow(size);
  }
}

/** The budget is of the process, for any number of handlers and upstreams. So all of them share this one object. */
export const processBuffers = new ReadBuffers(32 * mebibyte);

function powerOfTwoWithin(size: number): number {
  return size < 1 ? 0 : 2 ** Math.floor(Math.log2(size));
}

function powerOfTwoFor(size: number): number {
  return size < 1 ? 0 : 2 ** Math.ceil(Math.log2(size));
}

// Bytes of a TLS record: a read brings at least this much, if that much is to come.
const leastRoom = 16 * 1024;

interface Lease {
  readonly buffer: Buffer;
  /** Bytes that have been read into it. */
  filled: number;
  /** Bytes that have been given away. */
  given: number;
  /** Bytes that were given away and not released. */
  inUse: number;
}

/**
 * The buffers of one stream. A buffer goes to another stream only when all bytes that were given away have been released. A missing
 * release costs speed, but never shows wrong bytes to a client.
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

  /** Where to read next; undefined if there is no buffer. */
  get room(): Buffer | undefined {
    return this.#current?.buffer.subarray(this.#current.filled);
  }

  /** Whether `give` has bytes to give. */
  get holds(): boolean {
    return this.#current !== undefined && this.#current.filled > this.#current.given;
  }

  /** Counts bytes that were read. @returns false if they were not read into `room` */
  fill(read: Buffer): boolean {
    const lease = this.#current;
    if (lease === undefined || read.buffer !== lease.buffer.buffer) {
      return false;
    }
    lease.filled += read.length;
    return true;
  }

  /** The bytes that have been read since the last call. */
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

  /** Makes room. @param useful bytes that are still to come. @returns false if `give` has to be called first */
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

  release(piece: Buffer): void {
    const lease = this.#leases.find(({ buffer }) => buffer.buffer === piece.buffer);
    if (lease !== undefined) {
      lease.inUse -= piece.length;
      this.#returnIfUnused(lease);
    }
  }

  /** To be called when nothing more will be read. */
  end(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#buffers.end();
      this.#setAside();
    }
  }

  /** To be called when nothing more will be released. */
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
