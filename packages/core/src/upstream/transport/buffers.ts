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
