import { createHash, type Hash, randomUUID } from "node:crypto";
import { heldContent } from "./content.ts";
import type { StoredBlob } from "./store.ts";

/** An upload session. */
export class Upload {
  readonly id = randomUUID();
  readonly repository: string;
  readonly #hashes: ReadonlyMap<string, Hash> = new Map([
    ["sha256", createHash("sha256")],
    ["sha512", createHash("sha512")],
  ]);
  readonly #pieces: Buffer[] | undefined;
  #size = 0;

  constructor(repository: string, discard: boolean) {
    this.repository = repository;
    this.#pieces = discard ? undefined : [];
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  write(piece: Buffer): void {
    this.#size += piece.length;
    this.#pieces?.push(piece);
    for (const hash of this.#hashes.values()) {
      hash.update(piece);
    }
  }

  /** The blob, if what was sent has this digest. */
  finish(digest: string): StoredBlob | undefined {
    const [algorithm = "", encoded] = digest.split(":");
    const hash = this.#hashes.get(algorithm)?.copy();
    if (hash?.digest("hex") !== encoded) {
      return undefined;
    }
    const content = this.#pieces === undefined ? undefined : heldContent(Buffer.concat(this.#pieces));
    return { size: this.#size, content };
  }
}
