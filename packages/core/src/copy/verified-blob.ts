import type { Hash } from "node:crypto";
import { Readable } from "node:stream";
import { ClientAborted, CopyFailure } from "../errors.ts";
import { hashOf } from "../protocol/names.ts";
import type { ResumableBody } from "../upstream/resumable-body.ts";

/**
 * A blob as a stream. Its last piece comes only if all bytes match the digest: otherwise hosted gets a body that is too short, and never
 * a wrong blob. The stream fails with a CopyFailure if no upstream resumes, or the digest does not match.
 */
export class VerifiedBlob extends Readable {
  readonly #body: ResumableBody;
  readonly #digest: string;
  readonly #hash: Hash;
  #isFilling = false;
  #held: Buffer | undefined;

  /** @throws CopyFailure if the digest cannot be computed here */
  constructor(body: ResumableBody, digest: string) {
    // One piece at a time: the next one is read while this one is sent.
    super({ highWaterMark: 1 });
    const [algorithm = ""] = digest.split(":");
    const hash = hashOf(algorithm);
    if (hash === undefined) {
      throw new CopyFailure(`digests of ${algorithm} cannot be verified here`);
    }
    this.#body = body;
    this.#digest = digest;
    this.#hash = hash;
  }

  override _read(): void {
    if (this.#isFilling) {
      this.#body.resume();
    } else {
      this.#isFilling = true;
      void this.#fill();
    }
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#body.close();
    done(error);
  }

  async #fill(): Promise<void> {
    try {
      await this.#body.pipeTo((piece) => this.#take(piece));
      if (this.#hash.digest("hex") !== this.#digest.split(":")[1]) {
        throw new CopyFailure(`the content that was sent does not match ${this.#digest}`);
      }
      if (this.#held !== undefined) {
        this.push(this.#held);
      }
      this.push(null);
    } catch (error) {
      this.destroy(this.#failureFrom(error));
    }
  }

  #take(piece: Buffer): boolean {
    this.#hash.update(piece);
    const previous = this.#held;
    this.#held = piece;
    return previous === undefined || this.push(previous);
  }

  #failureFrom(error: unknown): Error {
    if (error instanceof CopyFailure || error instanceof ClientAborted) {
      return error;
    }
    const { upstream, given } = this.#body;
    return new CopyFailure(`${upstream.name} broke off at byte ${given}`, { cause: error });
  }
}
