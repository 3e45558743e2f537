import type { Hash } from "node:crypto";
import { ClientAborted, CopyFailure, UpstreamFailure } from "../errors.ts";
import { hashOf } from "../protocol/names.ts";
import type { Resumer, Source } from "../pull/resume.ts";
import { StallWatch } from "../upstream/transport/stall-watch.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Reads a blob as it comes, at the pace of whoever takes it, and goes on elsewhere where it breaks off. */
export class BlobReader {
  readonly #resumer: Resumer | undefined;
  readonly #transferred: (from: Upstream, bytes: number) => void;
  #source: Source;
  #pieces: AsyncIterator<Buffer>;
  #watch: StallWatch;
  #isWaiting = false;
  #received = 0;
  #toPassOver: number;
  #given = 0;
  #closed = false;

  /** @param transferred told of every piece, whether of use or not */
  constructor(
    source: Source,
    resumer: Resumer | undefined,
    transferred: (from: Upstream, bytes: number) => void,
  ) {
    this.#resumer = resumer;
    this.#transferred = transferred;
    this.#source = source;
    this.#pieces = source.answer.body[Symbol.asyncIterator]();
    this.#toPassOver = source.passOver;
    this.#watch = this.#watchSource();
  }

  /** The next piece; undefined at the end. @throws CopyFailure if nobody goes on; ClientGone */
  async next(): Promise<Buffer | undefined> {
    while (true) {
      const piece = await this.#read();
      if (piece === undefined) {
        return undefined;
      }
      const rest = piece.subarray(this.#toPassOver);
      this.#toPassOver -= piece.length - rest.length;
      if (rest.length > 0) {
        this.#given += rest.length;
        return rest;
      }
    }
  }

  /** Gives up what has not been read. */
  close(): void {
    this.#closed = true;
    this.#watch.clear();
    this.#source.answer.body.destroy();
  }

  async #read(): Promise<Buffer | undefined> {
    while (true) {
      this.#isWaiting = true;
      try {
        const { done, value } = await this.#pieces.next();
        if (done === true) {
          return undefined;
        }
        this.#received += value.length;
        this.#transferred(this.#source.upstream, value.length);
        return value;
      } catch (error) {
        await this.#resumeAt(error);
      } finally {
        this.#isWaiting = false;
      }
    }
  }

  async #resumeAt(cause: unknown): Promise<void> {
    this.#watch.clear();
    if (this.#closed) {
      throw new ClientAborted();
    }
    const { upstream } = this.#source;
    const next = await this.#resumer?.resumeAt(upstream, this.#given);
    if (next === undefined) {
      throw new CopyFailure(`${upstream.name} broke off at byte ${this.#given}`, { cause });
    }
    this.#source = next;
    this.#pieces = next.answer.body[Symbol.asyncIterator]();
    this.#toPassOver = next.passOver;
    this.#watch = this.#watchSource();
  }

  #watchSource(): StallWatch {
    const { upstream, answer } = this.#source;
    const { idle } = upstream.timeouts;
    return new StallWatch({
      limit: idle,
      measure: () => (this.#isWaiting ? this.#received : undefined),
      stalled: () =>
        answer.body.destroy(new UpstreamFailure("timeout", `no byte of the body within ${idle} ms`)),
    });
  }
}

/**
 * A blob's bytes, the last of which come only if all of them are what the digest stands for: whoever they are sent to is left
 * with a body that is too short, rather than with a wrong one.
 * @throws CopyFailure if they are not, or the algorithm is not known
 */
export async function* verified(reader: BlobReader, digest: string): AsyncGenerator<Buffer> {
  const [algorithm = "", encoded] = digest.split(":");
  const hash = hashFor(algorithm);
  let held: Buffer | undefined;
  for (let piece = await reader.next(); piece !== undefined; piece = await reader.next()) {
    hash.update(piece);
    if (held !== undefined) {
      yield held;
    }
    held = piece;
  }
  if (hash.digest("hex") !== encoded) {
    throw new CopyFailure(`what was sent for ${digest} is something else`);
  }
  if (held !== undefined) {
    yield held;
  }
}

/** @throws CopyFailure if the algorithm is not known */
function hashFor(algorithm: string): Hash {
  const hash = hashOf(algorithm);
  if (hash === undefined) {
    throw new CopyFailure(`digests of ${algorithm} cannot be verified here`);
  }
  return hash;
}
