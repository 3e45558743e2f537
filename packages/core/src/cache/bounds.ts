const longest = 1_000;

/**
 * When something is forgotten, for an `LRUCache`: to the hundredth, or to the second. Exact to the millisecond, it would set a timer
 * whenever it looks at the clock, and be woken by it.
 * @param ttl milliseconds, as configured
 */
export function expiryAfter(ttl: number): { readonly ttl: number; readonly ttlResolution: number } {
  return { ttl, ttlResolution: Math.min(longest, Math.ceil(ttl / 100)) };
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
