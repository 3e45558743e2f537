import type { Answered } from "./decision-record.ts";
import { DecisionRing, type PastDecision } from "./decision-ring.ts";

const minutes = 60;
const milliseconds = 60_000;

/** Sums over the current minute and the 59 before it. All memory is allocated at once. */
export class MinuteRing {
  readonly #columns: number;
  readonly #counts: Float64Array;
  readonly #minuteOf = new Float64Array(minutes).fill(-minutes);

  /** @param columns how many values are counted */
  constructor(columns: number) {
    this.#columns = columns;
    this.#counts = new Float64Array(columns * minutes);
  }

  /** @param now milliseconds of a monotonic clock */
  add(column: number, amount: number, now: number): void {
    const minute = Math.floor(now / milliseconds);
    const slot = minute % minutes;
    const begin = slot * this.#columns;
    if (this.#minuteOf[slot] !== minute) {
      this.#minuteOf[slot] = minute;
      this.#counts.fill(0, begin, begin + this.#columns);
    }
    this.#counts[begin + column] = (this.#counts[begin + column] ?? 0) + amount;
  }

  sums(now: number): number[] {
    const oldest = Math.floor(now / milliseconds) - minutes + 1;
    const sums = new Array<number>(this.#columns).fill(0);
    this.#minuteOf.forEach((minute, slot) => {
      if (minute >= oldest) {
        for (const column of sums.keys()) {
          sums[column] = (sums[column] ?? 0) + (this.#counts[slot * this.#columns + column] ?? 0);
        }
      }
    });
    return sums;
  }
}

export interface HourOf {
  readonly answered: number;
  readonly down: number;
  readonly up: number;
  readonly asked: number;
  readonly failed: number;
}

const columns = { answered: 0, down: 1, up: 2, asked: 3, failed: 4 } as const;
const router = "router";

/** This process's last hour, for the status page. Its memory does not grow with the number of requests. */
export class Activity {
  readonly #decisions = new DecisionRing();
  readonly #clock: () => number;
  #hours: ReadonlyMap<string, MinuteRing> = new Map();

  /** @param clock milliseconds; monotonic */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Keeps the counts of these upstreams, and drops all others. */
  show(upstreams: readonly string[]): void {
    this.#hours = new Map(
      [router, ...upstreams].map((name) => [
        name,
        this.#hours.get(name) ?? new MinuteRing(Object.keys(columns).length),
      ]),
    );
  }

  answered(answered: Answered): void {
    const { upstream, bytesToClient, bytesFromClient } = answered.record;
    const hour = this.#hours.get(upstream);
    if (hour !== undefined) {
      const now = this.#clock();
      hour.add(columns.answered, 1, now);
      hour.add(columns.down, bytesToClient, now);
      hour.add(columns.up, bytesFromClient, now);
    }
    this.#decisions.add(answered);
  }

  asked(upstream: string, outcome: "found" | "not_found" | "failed"): void {
    const hour = this.#hours.get(upstream);
    if (hour !== undefined) {
      const now = this.#clock();
      hour.add(columns.asked, 1, now);
      hour.add(columns.failed, outcome === "failed" ? 1 : 0, now);
    }
  }

  /** Without a name: the last hour of the router itself. */
  hourOf(upstream: string = router): HourOf {
    const [answered = 0, down = 0, up = 0, asked = 0, failed = 0] =
      this.#hours.get(upstream)?.sums(this.#clock()) ?? [];
    return { answered, down, up, asked, failed };
  }

  decisions(): PastDecision[] {
    return this.#decisions.latest();
  }
}
