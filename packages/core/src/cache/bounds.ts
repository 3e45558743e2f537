const longest = 1_000;

/** Milliseconds that go on evenly. 0 is no time, to an `LRUCache`. */
export interface Clock {
  now(): number;
}

/**
 * When something is forgotten, for an `LRUCache`: to the hundredth, or to the second. Exact to the millisecond, it would set a timer
 * whenever it looks at the clock, and be woken by it.
 * @param ttl milliseconds, as configured
 * @param clock is looked at each time. @default the process's, looked at as said above
 */
export function expiryAfter(
  ttl: number,
  clock?: Clock,
): { readonly ttl: number; readonly ttlResolution: number; readonly perf?: Clock } {
  return clock === undefined
    ? { ttl, ttlResolution: Math.min(longest, Math.ceil(ttl / 100)) }
    : { ttl, ttlResolution: 0, perf: clock };
}

/**
 * How many things are remembered, for an `LRUCache`. Told as a size: for `max` it would take the memory of all of them at once, and
 * anew with each reload.
 */
export function atMost(entries: number): {
  readonly maxSize: number;
  readonly sizeCalculation: () => number;
} {
  return { maxSize: entries, sizeCalculation: () => 1 };
}
