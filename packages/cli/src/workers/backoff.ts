const soon = 60_000;
const firstDelay = 500;
const longestDelay = 30_000;

/**
 * How long to wait before a dead worker is replaced: not at all, unless the one before it in the same place died soon as well;
 * then twice as long each time, so that workers which cannot live do not keep the machine busy.
 */
export class Backoff {
  readonly #soonInTurn = new Map<number, number>();

  /**
   * @param place the worker's number
   * @param age milliseconds that it lived
   * @returns milliseconds
   */
  after(place: number, age: number): number {
    const times = age < soon ? (this.#soonInTurn.get(place) ?? 0) + 1 : 1;
    this.#soonInTurn.set(place, times);
    return times === 1 ? 0 : Math.min(longestDelay, firstDelay * 2 ** (times - 2));
  }
}
