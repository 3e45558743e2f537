import type { Answered } from "./decision-record.ts";
import { DecisionRing, type PastDecision } from "./decision-ring.ts";

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

/** What one upstream, or the router itself, did in the last hour. */
export interface HourOf {
  /** Clients' requests that it answered. */
  readonly answered: number;
  /** Bytes of bodies to clients. */
  readonly down: number;
  /** Bytes of bodies from clients. */
  readonly up: number;
  /** Requests that it was sent, whatever came of them. */
  readonly asked: number;
  /** Those of them that it could not answer. */
  readonly failed: number;
}

const columns = { answered: 0, down: 1, up: 2, asked: 3, failed: 4 } as const;
const router = "router";

/** What the status page tells of this process's last hour. To take note of a request takes no memory that stays. */
export class Activity {
  readonly #decisions = new DecisionRing();
  readonly #clock: () => number;
  #hours: ReadonlyMap<string, MinuteRing> = new Map();

  /** @param clock milliseconds; never goes back */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** From now on, these upstreams are there and no others. What is known of them stays. */
  show(upstreams: readonly string[]): void {
    this.#hours = new Map(
      [router, ...upstreams].map((name) => [
        name,
        this.#hours.get(name) ?? new MinuteRing(Object.keys(columns).length),
      ]),
    );
  }

  /** A client's request has been answered. */
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

  /** An upstream has been asked. */
  asked(upstream: string, outcome: "found" | "not_found" | "failed"): void {
    const hour = this.#hours.get(upstream);
    if (hour !== undefined) {
      const now = this.#clock();
      hour.add(columns.asked, 1, now);
      hour.add(columns.failed, outcome === "failed" ? 1 : 0, now);
    }
  }

  /** The last hour of an upstream, or of the router itself without a name. */
  hourOf(upstream: string = router): HourOf {
    const [answered = 0, down = 0, up = 0, asked = 0, failed = 0] =
      this.#hours.get(upstream)?.sums(this.#clock()) ?? [];
    return { answered, down, up, asked, failed };
  }

  /** The latest decisions about repositories, the latest first. */
  decisions(): PastDecision[] {
    return this.#decisions.latest();
  }
}
