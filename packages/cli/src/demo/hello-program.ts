/** The architectures of the demo's image, as images name them. */
export const architectures = ["amd64", "arm64"] as const;
export type Architecture = (typeof architectures)[number];

const headers = 64 + 56;
const address = 0x400000;

// Linux: write(1, text, length), exit(0). The text follows the last instruction. Each system call's number is in its comment.
const code: Readonly<Record<Architecture, (length: number) => Buffer>> = {
  amd64: (length) =>
    Buffer.concat([
      Buffer.from("b801000000", "hex"), // mov eax, 1 (write)
      Buffer.from("bf01000000", "hex"), // mov edi, 1
      Buffer.from("488d3510000000", "hex"), // lea rsi, [rip + 16]: the text
      Buffer.from("ba", "hex"), // mov edx, length
      word(length),
      Buffer.from("0f05", "hex"), // syscall
      Buffer.from("b83c000000", "hex"), // mov eax, 60 (exit)
      Buffer.from("31ff", "hex"), // xor edi, edi
      Buffer.from("0f05", "hex"), // syscall
    ]),
  arm64: (length) =>
    Buffer.concat(
      [
        0xd2800020, // mov x0, #1
        0x100000e1, // adr x1, . + 28: the text
        0xd2800002 + length * 32, // mov x2, #length
        0xd2800808, // mov x8, #64 (write)
        0xd4000001, // svc #0
        0xd2800000, // mov x0, #0
        0xd2800ba8, // mov x8, #93 (exit)
        0xd4000001, // svc #0
      ].map(word),
    ),
};

/**
 * A program for Linux that prints a text and ends with 0: one that an image without anything else can run. It is a static ELF file of
 * some 200 bytes (elf(5)), so that no compiler is needed, and nothing is downloaded.
 */
export function helloProgram(architecture: Architecture, text: string): Buffer {
  const content = Buffer.from(text);
  const instructions = code[architecture](content.length);
  const size = headers + instructions.length + content.length;
  const file = Buffer.alloc(headers);
  // ELF, 64 bits, little-endian, version 1.
  file.write("\x7fELF\x02\x01\x01", "latin1");
  file.writeUInt16LE(2, 16); // e_type: an executable
  file.writeUInt16LE(architecture === "amd64" ? 62 : 183, 18); // e_machine
  file.writeUInt32LE(1, 20); // e_version
  file.writeBigUInt64LE(BigInt(address + headers), 24); // e_entry
  file.writeBigUInt64LE(64n, 32); // e_phoff
  file.writeUInt16LE(64, 52); // e_ehsize
  file.writeUInt16LE(56, 54); // e_phentsize
  file.writeUInt16LE(1, 56); // e_phnum
  // The one segment: the whole file, to be read and run.
  file.writeUInt32LE(1, 64); // p_type: to be loaded
  file.writeUInt32LE(5, 68); // p_flags
  file.writeBigUInt64LE(BigInt(address), 80); // p_vaddr
  file.writeBigUInt64LE(BigInt(address), 88); // p_paddr
  file.writeBigUInt64LE(BigInt(size), 96); // p_filesz
  file.writeBigUInt64LE(BigInt(size), 104); // p_memsz
  file.writeBigUInt64LE(0x10000n, 112); // p_align: the largest page of any kernel
  return Buffer.concat([file, instructions, content]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
