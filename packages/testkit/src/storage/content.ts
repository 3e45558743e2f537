import { createCipheriv, createHash } from "node:crypto";
import { Readable } from "node:stream";

/** What a blob or manifest consists of. */
export interface Content {
  /** Bytes. */
  readonly size: number;
  /** The bytes from `start` up to and without `end`. */
  read(start: number, end: number): Readable;
}

/** Content that is held in memory. */
export function heldContent(bytes: Buffer): Content {
  return { size: bytes.length, read: (start, end) => Readable.from(pieces(bytes.subarray(start, end))) };
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let offset = 0; offset < bytes.length; offset += pieceSize) {
    yield bytes.subarray(offset, offset + pieceSize);
  }
}

const pieceSize = 256 * 1024;
const cipherBlock = 16;

/** Content of any size that is made while it is read: the key stream of AES in counter mode, which starts anywhere. */
export function generatedContent(size: number, seed: number): Content {
  return { size, read: (start, end) => Readable.from(generate(seed, start, end)) };
}

function* generate(seed: number, start: number, end: number): Generator<Buffer> {
  const key = createHash("sha256").update(String(seed)).digest().subarray(0, 16);
  const counter = Buffer.alloc(16);
  counter.writeBigUInt64BE(BigInt(Math.floor(start / cipherBlock)), 8);
  const cipher = createCipheriv("aes-128-ctr", key, counter);
  cipher.update(Buffer.alloc(start % cipherBlock));
  for (let offset = start; offset < end; offset += pieceSize) {
    yield cipher.update(Buffer.alloc(Math.min(pieceSize, end - offset)));
  }
}

/** `sha256:...` of bytes. */
export function digestOf(bytes: Buffer | string, algorithm = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** `sha256:...` of generated content. */
export function generatedDigest(size: number, seed: number): string {
  const hash = createHash("sha256");
  for (const piece of generate(seed, 0, size)) {
    hash.update(piece);
  }
  return `sha256:${hash.digest("hex")}`;
}
