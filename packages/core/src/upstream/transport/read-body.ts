import type { Readable } from "node:stream";

/** Longest error or list that is read into memory when its text matters. */
export const errorBodyLimit = 64 * 1024;

/**
 * Reads a body that ought to be small. Undefined if it is longer than `limit`, breaks off, or takes longer
 * than `milliseconds`; it is destroyed then.
 * @param goesOn whether the time counts anew from each piece
 */
export function readBounded(
  body: Readable,
  limit: number,
  milliseconds: number,
  { goesOn = false }: { readonly goesOn?: boolean } = {},
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const give = (result: Buffer | undefined) => {
      clearTimeout(timer);
      body.off("data", take);
      if (result === undefined) {
        body.destroy();
      }
      resolve(result);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        give(undefined);
      } else {
        chunks.push(chunk);
        if (goesOn) {
          timer.refresh();
        }
      }
    };
    const timer = setTimeout(() => give(undefined), milliseconds);
    body.on("data", take);
    body.once("end", () => give(Buffer.concat(chunks)));
    body.once("error", () => give(undefined));
    body.once("close", () => give(undefined));
  });
}
