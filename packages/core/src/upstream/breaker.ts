import { CircuitState, circuitBreaker, handleWhen, type IBackoff, type IBreaker } from "cockatiel";
import type { CompleteBreaker } from "../config/complete.ts";
import type { Answer } from "./ask.ts";
import { UpstreamFailure } from "./failure.ts";

/** Whether an upstream is asked (`closed`), left out (`open`), or tried (`half-open`). */
export type BreakerState = "closed" | "half-open" | "open";

const names: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: "closed",
  [CircuitState.HalfOpen]: "half-open",
  [CircuitState.Open]: "open",
  [CircuitState.Isolated]: "open",
};

/** What a breaker needs besides its options. */
export interface BreakerContext {
  /** Milliseconds that a request which is never answered takes. */
  readonly patience: number;
  /** Asks the upstream something that shows how it is. Runs in the background. */
  trial(): Promise<Answer>;
  /** Told of every change. */
  changed(state: BreakerState): void;
}

// A gateway that says that what stands behind it is not there. Any other answer, a 500 too, is one: caches of
// distribution answer every digest of a private image that way when their public registry refuses its name.
const nobodyBehind = [502, 503, 504];
// How long a request that nobody else can answer waits for a trial that is under way. Milliseconds.
const longestWait = 1_000;

/** Leaves an upstream out that does not answer, and finds out when it does again. */
export class Breaker {
  readonly #policy;
  readonly #trips: Trips;
  readonly #trial: () => Promise<Answer>;
  #running: Promise<unknown> | undefined;
  #nextTrial = 0;

  constructor(
    { failures, delay, longestDelay }: CompleteBreaker,
    { patience, trial, changed }: BreakerContext,
  ) {
    this.#trips = new Trips(failures, 2 * failures * patience);
    this.#trial = trial;
    const doubling = (duration: number): IBackoff<unknown> => {
      this.#nextTrial = Date.now() + duration;
      return { duration, next: () => doubling(Math.min(2 * duration, longestDelay)) };
    };
    this.#policy = circuitBreaker(handleWhen(isOutage).orWhenResult(isNoAnswer), {
      breaker: this.#trips,
      halfOpenAfter: { next: () => doubling(delay) },
    });
    this.#policy.onStateChange((state) => changed(names[state]));
  }

  get state(): BreakerState {
    return names[this.#policy.state];
  }

  /** Whether it was opened by requests that were never answered, so that others may be: a cache serves what it has. */
  get isLate(): boolean {
    return this.#trips.lastWasLate;
  }

  /** Whole seconds until the next trial, at least one. */
  get retryAfter(): number {
    return Math.max(1, Math.ceil((this.#nextTrial - Date.now()) / 1000));
  }

  /** Does what goes to the upstream while it is asked, and learns from the outcome. */
  run(work: () => Promise<Answer>): Promise<Answer> {
    return this.#policy.execute(async () => {
      try {
        const answer = await work();
        this.#trips.note(false);
        return answer;
      } catch (error) {
        if (error instanceof UpstreamFailure) {
          this.#trips.note(error.report.kind === "late");
        }
        throw error;
      }
    });
  }

  /** Tries the upstream in the background, if it is time to. */
  tryAgain(): void {
    if (this.#policy.state === CircuitState.Open && Date.now() >= this.#nextTrial) {
      this.#running = this.run(this.#trial).catch(() => undefined);
    }
  }

  /** Waits a little for a trial that is under way; true if the upstream is asked again. */
  async comesBack(): Promise<boolean> {
    if (this.#policy.state === CircuitState.HalfOpen) {
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise((resolve) => {
        timer = setTimeout(resolve, longestWait);
      });
      await Promise.race([this.#running, enough]);
      clearTimeout(timer);
    }
    return this.#policy.state === CircuitState.Closed;
  }
}

/** Whether a failure is one of the upstream itself: one that refuses the router, or asks for patience, is there. */
function isOutage(error: unknown): boolean {
  return error instanceof UpstreamFailure && !["refused", "limited"].includes(error.report.kind);
}

/** Whether an answer is a gateway's that says that there is none. */
export function isNoAnswer(result: unknown): boolean {
  return (
    typeof result === "object" &&
    result !== null &&
    "status" in result &&
    nobodyBehind.some((status) => status === result.status)
  );
}

/**
 * When to open: after failures in a row, or as many late ones within a while, whatever came in between. A cache whose
 * public registry hangs goes on serving what it has; the rest would each cost a client the full timeout.
 */
class Trips implements IBreaker {
  state: unknown;
  lastWasLate = false;
  readonly #limit: number;
  readonly #window: number;
  #inRow = 0;
  #late: number[] = [];

  constructor(limit: number, window: number) {
    this.#limit = limit;
    this.#window = window;
  }

  /** How the request went whose outcome comes next. */
  note(late: boolean): void {
    this.lastWasLate = late;
    if (late) {
      this.#late.push(Date.now());
    }
  }

  success(state: CircuitState): void {
    this.#inRow = 0;
    if (state === CircuitState.HalfOpen) {
      this.#late = [];
    }
  }

  failure(): boolean {
    this.#inRow += 1;
    this.#late = this.#late.filter((time) => time > Date.now() - this.#window).slice(-this.#limit);
    return Math.max(this.#inRow, this.#late.length) >= this.#limit;
  }
}
