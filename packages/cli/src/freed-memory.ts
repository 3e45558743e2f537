const mebibyte = 1024 * 1024;

/**
 * Has the C library keep what is freed, up to twice the size below, instead of giving it back to the kernel and asking for it anew: for
 * each GB of an upload that was 150,000 page faults, and two thirds of the processor time.
 *
 * glibc takes the largest block that it has given out by `mmap` and got back as a sign of what a program needs (mallopt(3),
 * M_MMAP_THRESHOLD). This one is touched by nobody, so that it takes up no memory, and is freed with the first garbage. The size is the
 * most that glibc learns from, 32 MiB, less what it adds for itself. Other C libraries take no notice.
 */
export function keepFreedMemory(): void {
  Buffer.allocUnsafeSlow(31 * mebibyte);
}
