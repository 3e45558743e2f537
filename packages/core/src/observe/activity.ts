import type { Answered } from "./decision-record.ts";
import { DecisionRing, type PastDecision } from "./decision-ring.ts";
import { MinuteRing } from "./minute-ring.ts";

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
  asked(upstream: string, outcome: "found" | "absent" | "failed"): void {
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
