import type { Readable } from "node:stream";
import { CopyFailure } from "../errors.ts";
import { firstValue, type RawHeaders } from "../protocol/headers.ts";

// Bytes. A chunk is held whole, because its length comes first. There may be sixteen copies.
const usualChunk = 4 * 1024 * 1024;
const longestChunk = 16 * 1024 * 1024;

interface Chunk {
  readonly body: Buffer;
  readonly contentRange: string | undefined;
  readonly isLast: boolean;
}

/**
 * How long the chunks of an upload are, by what the registry states in the answer that begins it (`OCI-Chunk-Min-Length` of
 * distribution-spec 1.1, and `OCI-Chunk-Max-Length`).
 * @param length of the blob, if known
 * @returns undefined if the blob needs no chunks
 * @throws CopyFailure if no chunk can be as the registry states
 */
export function chunkLength(headers: RawHeaders, length: number | undefined): number | undefined {
  const least = bytesIn(headers, "oci-chunk-min-length");
  const most = bytesIn(headers, "oci-chunk-max-length");
  if (length === undefined ? least === undefined && most === undefined : length <= (most ?? length)) {
    return undefined;
  }
  const chunk = Math.max(least ?? 0, Math.min(most ?? usualChunk, usualChunk));
  if (most !== undefined && chunk > most) {
    throw new CopyFailure(`no chunk fits: OCI-Chunk-Min-Length is ${least}, OCI-Chunk-Max-Length ${most}`);
  }
  if (chunk > longestChunk) {
    const words = `OCI-Chunk-Min-Length is ${least}, and the router holds at most ${longestChunk} bytes`;
    throw new CopyFailure(`${words} of a blob whose upload needs chunks`);
  }
  return chunk;
}

/** Cuts a stream into chunks of the same length. The last one may be shorter, and is never empty unless the stream is. */
export async function* chunksOf(bytes: Readable, length: number): AsyncGenerator<Chunk> {
  let pieces: Buffer[] = [];
  let held = 0;
  let start = 0;
  const chunk = (isLast: boolean): Chunk => {
    const body = Buffer.concat(pieces, held);
    const contentRange = body.length === 0 ? undefined : `${start}-${start + body.length - 1}`;
    start += body.length;
    pieces = [];
    held = 0;
    return { body, contentRange, isLast };
  };
  for await (const read of bytes) {
    let rest: Buffer = read;
    while (rest.length > 0) {
      if (held === length) {
        yield chunk(false);
      }
      const piece = rest.subarray(0, length - held);
      // A copy, because the pieces of a stream may be lent buffers.
      pieces.push(Buffer.from(piece));
      held += piece.length;
      rest = rest.subarray(piece.length);
    }
  }
  yield chunk(true);
}

function bytesIn(headers: RawHeaders, name: string): number | undefined {
  const text = firstValue(headers, name)?.trim() ?? "";
  return /^\d{1,15}$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
}
