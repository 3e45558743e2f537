/** Waits for something, and fails with a sentence when it does not come in time. */
export async function within<T>(milliseconds: number, label: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${label}: not within ${milliseconds} ms`)), milliseconds);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until a condition holds; looks every few milliseconds. */
export async function until(
  milliseconds: number,
  label: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await holds())) {
    if (performance.now() > end) {
      throw new Error(`${label}: not within ${milliseconds} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
