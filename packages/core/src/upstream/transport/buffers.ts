const mebibyte = 1024 * 1024;
// Larger reads are not faster.
const largest = mebibyte;
// Smaller buffers are not worth it: Node's own reads are of 64 KiB.
const smallest = mebibyte / 8;

/** What a stream uses at most at a time: one buffer is read into, one waits, one is written to the client. */
export const buffersPerStream = 3;

/** Lends buffers for large reads, within a budget. The more streams there are, the smaller is each buffer; below `smallest` none is lent. */
export class ReadBuffers {
  readonly #budget: number;
  readonly #spare: Buffer[] = [];
  #held = 0;
  #streams = 0;

  /** @param budget bytes of all buffers, lent or spare */
  constructor(budget: number) {
    this.#budget = budget;
  }

  get held(): number {
    return this.#held;
  }

  get lent(): number {
    return this.#spare.reduce((sum, { length }) => sum - length, this.#held);
  }

  begin(): void {
    this.#streams += 1;
  }

  end(): void {
    this.#streams -= 1;
  }

  /** Lends a buffer. @param useful the bytes that the stream still has to read */
  take(useful: number): Buffer | undefined {
    const share = this.#budget / Math.max(1, this.#streams) / buffersPerStream;
    const within = 2 ** Math.floor(Math.log2(share));
    const size = Math.min(largest, within, 2 ** Math.ceil(Math.log2(useful)));
    if (size < smallest) {
      return undefined;
    }
    const index = this.#spare.findIndex(({ length }) => length === size);
    return index === -1 ? this.#make(size) : this.#spare.splice(index, 1)[0];
  }

  giveBack(buffer: Buffer): void {
    this.#spare.push(buffer);
  }

  /** Stops counting a buffer that may stay in use for an unknown time. */
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
    // Slow: memory of its own, and not a part of Node's pool.
    return Buffer.allocUnsafeSlow(size);
  }
}

/** All handlers and upstreams share one budget, because they share the memory of the process. */
export const processBuffers = new ReadBuffers(32 * mebibyte);

// Bytes. A TLS record: a read brings at least as much, if the body is that long.
const leastRoom = 16 * 1024;

interface Lease {
  readonly buffer: Buffer;
  filled: number;
  given: number;
  inUse: number;
}

/**
 * The buffers that one stream is read into. Each is lent again only when all of its given bytes are released. A missing release costs
 * speed, but never shows wrong bytes to a client.
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

  /** To read into next; undefined if no buffer is lent. */
  get room(): Buffer | undefined {
    return this.#current?.buffer.subarray(this.#current.filled);
  }

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

  /** The bytes that were read since the last call. */
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

  /** Makes room, if a buffer can be had. @param useful the bytes still to read @returns false if all bytes have to be given first */
  prepare(useful: number): boolean {
    const lease = this.#current;
    if (lease !== undefined && lease.buffer.length - lease.filled >= leastRoom) {
      return true;
    }
    if (this.holds) {
      return false;
    }
    this.#leaveCurrent();
    const buffer = this.#leases.length < buffersPerStream ? this.#buffers.take(useful) : undefined;
    if (buffer !== undefined) {
      this.#current = { buffer, filled: 0, given: 0, inUse: 0 };
      this.#leases.push(this.#current);
    }
    return true;
  }

  /** The bytes of a piece that was given are not needed any more. */
  release(piece: Buffer): void {
    const lease = this.#leases.find(({ buffer }) => buffer.buffer === piece.buffer);
    if (lease !== undefined) {
      lease.inUse -= piece.length;
      this.#returnIfUnused(lease);
    }
  }

  /** The socket is closed: nothing more is read. */
  end(): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#buffers.end();
      this.#leaveCurrent();
    }
  }

  abandon(): void {
    this.end();
    for (const { buffer } of this.#leases.splice(0)) {
      this.#buffers.forget(buffer);
    }
  }

  #leaveCurrent(): void {
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
