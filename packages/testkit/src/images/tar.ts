const blockSize = 512;

/** A file for an archive. */
export interface TarFile {
  readonly name: string;
  readonly content: Buffer;
}

/** A tar archive of plain files, the same bytes for the same files (POSIX.1-1988 "ustar"). */
export function tar(files: readonly TarFile[]): Buffer {
  const blocks = files.flatMap(({ name, content }) => [
    header(name, content.length),
    content,
    padding(content.length),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockSize)]);
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(blockSize);
  block.write(name, 0, 100);
  block.write("0000644\0", 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  block.write("00000000000\0", 136);
  // The checksum counts its own field as spaces.
  block.write("        ", 148);
  block.write("0", 156);
  block.write("ustar\x0000", 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

function padding(size: number): Buffer {
  return Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}
