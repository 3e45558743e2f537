const minutes = 60;
const milliseconds = 60_000;

/**
 * Sums over the last hour, minute by minute: the minute that is under way and the 59 before it. All its memory is taken at once.
 */
export class MinuteRing {
  readonly #columns: number;
  readonly #counts: Float64Array;
  readonly #minuteOf = new Float64Array(minutes).fill(-minutes);

  /** @param columns how many things are counted */
  constructor(columns: number) {
    this.#columns = columns;
    this.#counts = new Float64Array(columns * minutes);
  }

  /** @param now milliseconds of a clock that never goes back */
  add(column: number, amount: number, now: number): void {
    const minute = Math.floor(now / milliseconds);
    const place = minute % minutes;
    const begin = place * this.#columns;
    if (this.#minuteOf[place] !== minute) {
      this.#minuteOf[place] = minute;
      this.#counts.fill(0, begin, begin + this.#columns);
    }
    this.#counts[begin + column] = (this.#counts[begin + column] ?? 0) + amount;
  }

  /** The sum of each column. */
  sums(now: number): number[] {
    const oldest = Math.floor(now / milliseconds) - minutes + 1;
    const sums = new Array<number>(this.#columns).fill(0);
    this.#minuteOf.forEach((minute, place) => {
      if (minute >= oldest) {
        for (const column of sums.keys()) {
          sums[column] = (sums[column] ?? 0) + (this.#counts[place * this.#columns + column] ?? 0);
        }
      }
    });
    return sums;
  }
}
