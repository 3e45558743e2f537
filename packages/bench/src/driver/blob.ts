import { createCipheriv, createHash } from "node:crypto";

/** Bytes of a megabyte, as disks and networks count. */
export const megabyte = 1_000_000;

/** A megabyte that looks random and is the same everywhere: blobs of any size are made of it. */
export const block = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16)).update(
  Buffer.alloc(megabyte),
);

/** The digest of so many blocks. */
export function blobDigest(megabytes: number): string {
  const hash = createHash("sha256");
  for (let count = 0; count < megabytes; count += 1) {
    hash.update(block);
  }
  return `sha256:${hash.digest("hex")}`;
}
