/** Puts an entry last, and has the first one go where there are too many. */
export function putBounded<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) {
    const [first] = map.keys();
    map.delete(first ?? key);
  }
}
