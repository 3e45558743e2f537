/**
 * Does work for each item, so many at a time. After the first that fails no other is begun, and those under way are told by
 * their signal to end.
 * @throws what the first one failed with, when all have ended
 */
export async function forEach<T>(
  items: readonly T[],
  { atOnce, signal }: { readonly atOnce: number; readonly signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const failures: unknown[] = [];
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) {
      try {
        await work(item, either);
      } catch (error) {
        failures.push(error);
        failed.abort();
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  if (failures.length > 0) {
    throw failures[0];
  }
}
