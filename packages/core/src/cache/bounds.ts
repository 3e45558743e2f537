const longestResolution = 1_000;

/** Monotonic milliseconds. To an `LRUCache`, 0 is no time. */
export interface Clock {
  now(): number;
}

/**
 * Options of an `LRUCache` whose entries expire, exact to a hundredth of `ttl` or to a second. If it were exact to the millisecond,
 * the cache would set a timer whenever it reads the clock.
 * @param ttl milliseconds
 * @param clock read each time. @default the process's clock, read as said above
 */
export function expiryAfter(
  ttl: number,
  clock?: Clock,
): { readonly ttl: number; readonly ttlResolution: number; readonly perf?: Clock } {
  return clock === undefined
    ? { ttl, ttlResolution: Math.min(longestResolution, Math.ceil(ttl / 100)) }
    : { ttl, ttlResolution: 0, perf: clock };
}

/** Bounds an `LRUCache` by size: with `max`, it would allocate memory for all entries at once, and again with each reload. */
export function atMost(entries: number): { maxSize: number; sizeCalculation: () => number } {
  return { maxSize: entries, sizeCalculation: () => 1 };
}
