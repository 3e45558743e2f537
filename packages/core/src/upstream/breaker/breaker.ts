import { CircuitState, circuitBreaker, handleWhenResult, type IBackoff } from "cockatiel";
import type { CompleteBreaker } from "../../config/complete.ts";
import type { InternalRequest } from "../request.ts";
import type { UpstreamResponse } from "../transport/send.ts";
import { nameOf, ProbeRequests } from "./probe-requests.ts";
import { TripPolicy } from "./trip-policy.ts";
import { type HealthSignal, noticeableWait, signalOfError, signalOfResponse } from "./verdict.ts";

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
  /** Caches have things at hand that tell nothing about the public registry behind them; hosted stands alone. */
  readonly kind: "hosted" | "proxy";
  /** Milliseconds that a request which is never answered takes. */
  readonly timeout: number;
  /** Asks the upstream something that shows how it is, and waits so many milliseconds at the most. Runs in the background. */
  probe(asked: InternalRequest, timeout: number): Promise<UpstreamResponse>;
  /** Told of every change of the state. */
  changed(): void;
}

// How long a request that nobody else can answer waits for a trial that is under way. Milliseconds.
const longestWait = 1_000;

/** Leaves an upstream out that does not answer, and finds out when it does again. */
export class Breaker {
  readonly #context: BreakerContext;
  readonly #policy;
  readonly #tripPolicy: TripPolicy;
  readonly #probeRequests: ProbeRequests;
  #running: Promise<unknown> | undefined;
  #trialBegan: number | undefined;
  #nextTrial = 0;

  constructor({ failures, delay, longestDelay }: CompleteBreaker, context: BreakerContext) {
    const { kind, timeout: patience } = context;
    this.#context = context;
    this.#probeRequests = new ProbeRequests(kind);
    this.#tripPolicy = new TripPolicy({
      limit: failures,
      window: 2 * failures * patience,
      onlyInRow: kind === "hosted",
    });
    const doubling = (delayNow: number): IBackoff<unknown> => {
      // From the beginning of the trial that failed: one that waited in vain must not make the next one later.
      const duration = Math.max(0, (this.#trialBegan ?? Date.now()) + delayNow - Date.now());
      this.#nextTrial = Date.now() + duration;
      return { duration, next: () => doubling(Math.min(2 * delayNow, longestDelay)) };
    };
    this.#policy = circuitBreaker(
      handleWhenResult((result) => result instanceof Outcome && result.isFailure),
      { breaker: this.#tripPolicy, halfOpenAfter: { next: () => doubling(delay) } },
    );
    this.#policy.onStateChange(() => this.#changed());
  }

  get state(): BreakerState {
    return names[this.#policy.state];
  }

  /** Whether it was opened by requests that were never answered, so that others may be: a cache serves what it has. */
  get openedByTimeouts(): boolean {
    return this.#tripPolicy.lastWasLate;
  }

  /** Whole seconds until the next trial, at least one. */
  get retryAfter(): number {
    return Math.max(1, Math.ceil((this.#nextTrial - Date.now()) / 1000));
  }

  /**
   * Does what goes to the upstream while it is asked, and learns from the outcome.
   * @param since when it was decided to ask, by `performance.now()`
   */
  async run(
    asked: InternalRequest,
    work: () => Promise<UpstreamResponse>,
    since = performance.now(),
  ): Promise<UpstreamResponse> {
    const outcome = await this.#policy.execute(() => this.#learnFrom(asked, work, { since }));
    return outcome.give();
  }

  /** A request found the upstream left out: it is tried in the background, if it is time to, maybe with this very request. */
  rejected(asked: InternalRequest, since = performance.now()): void {
    this.#probeRequests.rejected(asked, since);
    this.probeIfDue();
  }

  /** Tries the upstream in the background, if it is time to. */
  probeIfDue(): void {
    if (this.#policy.state === CircuitState.Open && Date.now() >= this.#nextTrial) {
      this.#running = this.#policy.execute(() => this.#tryNow()).catch(() => undefined);
    }
  }

  /** Waits a little for a trial that is under way; true if the upstream is asked again. */
  async awaitProbe(): Promise<boolean> {
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

  /** It is not to be tried with anything of this repository; of no repository, if none is given. */
  forget(repository: string | undefined): void {
    this.#probeRequests.forget(repository);
  }

  #tryNow(): Promise<Outcome> {
    this.#trialBegan = Date.now();
    const asked = this.#probeRequests.next(this.openedByTimeouts);
    const timeout = Math.min(this.#context.timeout, noticeableWait);
    const probe = () => this.#context.probe(asked, timeout);
    return this.#learnFrom(asked, probe, { since: performance.now(), isTrial: true });
  }

  async #learnFrom(
    asked: InternalRequest,
    work: () => Promise<UpstreamResponse>,
    { since, isTrial = false }: { readonly since: number; readonly isTrial?: boolean },
  ): Promise<Outcome> {
    const begun = Date.now();
    const learn = (verdict: HealthSignal, give: () => UpstreamResponse) => {
      this.#probeRequests.heard(asked, verdict, since);
      // What was sent before it was left out, and ends now, says nothing new, and must not spoil a trial.
      const counts = isTrial || this.#policy.state === CircuitState.Closed;
      if (counts) {
        this.#tripPolicy.note(verdict, { name: nameOf(asked), begun });
      }
      return new Outcome(counts && (verdict === "failed" || verdict === "late"), give);
    };
    try {
      const answer = await work();
      return learn(signalOfResponse(answer, asked), () => answer);
    } catch (error) {
      const waits = { waited: Date.now() - begun, timeout: this.#context.timeout };
      return learn(signalOfError(error, asked, waits), () => {
        throw error;
      });
    }
  }

  #changed(): void {
    if (this.state === "closed") {
      this.#trialBegan = undefined;
      this.#probeRequests.clear();
    }
    this.#context.changed();
  }
}

/** How a request went, for cockatiel, and what its asker is given. */
class Outcome {
  readonly isFailure: boolean;
  readonly give: () => UpstreamResponse;

  constructor(isFailure: boolean, give: () => UpstreamResponse) {
    this.isFailure = isFailure;
    this.give = give;
  }
}
