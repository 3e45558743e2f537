/** Puts an entry last. If there are more than `most`, removes the first one, which is the least recently put. */
export function putBounded<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) {
    const [first] = map.keys();
    map.delete(first ?? key);
  }
}
