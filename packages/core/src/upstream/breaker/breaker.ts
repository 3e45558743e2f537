import type { CompleteBreaker } from "../../config/complete.ts";
import { UpstreamFailure } from "../../errors.ts";
import type { Send, UpstreamRequest } from "../request.ts";
import type { UpstreamResponse } from "../transport/send.ts";
import { ProbeRequests } from "./probe-requests.ts";
import {
  type HealthSignal,
  noticeableWait,
  signalOfError,
  signalOfResponse,
  TripPolicy,
} from "./trip-policy.ts";

/** `closed`: requests go through; `open`: none does; `half-open`: none does, and one probe is in progress. */
export type BreakerState = "closed" | "half-open" | "open";

export interface BreakerContext {
  /** A cache may answer from its store while the public registry behind it hangs. Hosted has no registry behind it. */
  readonly kind: "hosted" | "proxy";
  /** Milliseconds that a request without an answer takes. */
  readonly timeout: number;
  probe: Send;
  stateChanged(): void;
  /** Monotonic milliseconds. @default performance */
  readonly clock?: { now(): number };
}

// How long a request that no other upstream can answer waits for a probe that is in progress. Milliseconds.
const longestWait = 1_000;

/** A circuit breaker: sends no requests to an upstream that does not answer, and finds out when it does again. */
export class Breaker {
  readonly #context: BreakerContext;
  readonly #next: Send;
  readonly #clock: { now(): number };
  readonly #firstDelay: number;
  readonly #longestDelay: number;
  readonly #tripPolicy: TripPolicy;
  readonly #probeRequests: ProbeRequests;
  #state: BreakerState = "closed";
  /** From the opening, or from the begin of the last probe, to the next probe. */
  #delay: number;
  #nextProbe = 0;
  #probing: Promise<void> | undefined;

  constructor({ failures, delay, longestDelay }: CompleteBreaker, context: BreakerContext, next: Send) {
    const { kind, timeout, clock = performance } = context;
    this.#context = context;
    this.#next = next;
    this.#clock = clock;
    this.#firstDelay = delay;
    this.#delay = delay;
    this.#longestDelay = longestDelay;
    this.#probeRequests = new ProbeRequests(kind, clock);
    this.#tripPolicy = new TripPolicy({
      limit: failures,
      window: 2 * failures * timeout,
      onlyInRow: kind === "hosted",
    });
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Whether timeouts opened the circuit, so that some requests may still be answered: a cache serves what it has. */
  get openedByTimeouts(): boolean {
    return this.#tripPolicy.lastWasTimeout;
  }

  /**
   * Sends a request while the circuit is closed, and learns from the outcome.
   * @throws UpstreamFailure (`circuit-open`) at once if the circuit is not closed; else what sending throws
   */
  readonly send: Send = async (request) => {
    if (this.#state !== "closed") {
      throw this.#rejected(request);
    }
    const begun = this.#clock.now();
    let response: UpstreamResponse;
    try {
      response = await this.#next(request);
    } catch (error) {
      this.#learn(request, signalOfError(error, request, this.#waits(begun)), begun);
      throw error;
    }
    this.#learn(request, signalOfResponse(response, request), begun);
    return response;
  };

  probeIfDue(): void {
    if (this.#state === "open" && this.#clock.now() >= this.#nextProbe) {
      this.#probing = this.#probe();
    }
  }

  /** Waits a little for a probe that is in progress; true if the circuit is closed then. */
  async awaitProbe(): Promise<boolean> {
    if (this.#state === "half-open") {
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise((resolve) => {
        timer = setTimeout(resolve, longestWait);
      });
      await Promise.race([this.#probing, enough]);
      clearTimeout(timer);
    }
    return this.#state === "closed";
  }

  /** No probe asks for anything of this repository that was asked for until now; of no repository, if none is given. */
  forget(repository: string | undefined): void {
    this.#probeRequests.forget(repository);
  }

  /** A probe begins in the background, if it is time to, maybe with this very request. */
  #rejected(request: UpstreamRequest): UpstreamFailure {
    this.#probeRequests.rejected(request);
    this.probeIfDue();
    const retryAfter = Math.max(1, Math.ceil((this.#nextProbe - this.#clock.now()) / 1000));
    return new UpstreamFailure("circuit-open", "circuit open", { retryAfter: String(retryAfter) });
  }

  #learn(request: UpstreamRequest, signal: HealthSignal, begun: number): void {
    if (signal === "failed" || signal === "timeout") {
      this.#probeRequests.failed(request, signal);
    }
    // What was sent before the circuit opened, and ends now, says nothing new, and must not spoil a probe.
    if (this.#state === "closed") {
      const ended = this.#clock.now();
      if (this.#tripPolicy.note(signal, request.repository, begun, ended)) {
        this.#open(ended);
      }
    }
  }

  /** Never rejects. */
  async #probe(): Promise<void> {
    const begun = this.#clock.now();
    const timeout = Math.min(this.#context.timeout, noticeableWait);
    const { signal } = new AbortController();
    const request = { ...this.#probeRequests.next(this.openedByTimeouts), timeout, signal };
    this.#change("half-open");
    let health: HealthSignal;
    try {
      health = signalOfResponse(await this.#context.probe(request), request);
    } catch (error) {
      health = signalOfError(error, request, this.#waits(begun));
    }
    this.#tripPolicy.note(health, request.repository, begun, this.#clock.now());
    if (health === "failed" || health === "timeout") {
      this.#probeRequests.failed(request, health);
      this.#open(begun);
    } else {
      this.#close();
    }
  }

  /** @param since from when on the delay counts: a probe that waited in vain must not make the next one later */
  #open(since: number): void {
    this.#nextProbe = since + this.#delay;
    this.#delay = Math.min(2 * this.#delay, this.#longestDelay);
    this.#change("open");
  }

  #close(): void {
    this.#delay = this.#firstDelay;
    this.#tripPolicy.reset();
    this.#probeRequests.clear();
    this.#change("closed");
  }

  #change(state: BreakerState): void {
    this.#state = state;
    this.#context.stateChanged();
  }

  #waits(begun: number): { readonly waited: number; readonly timeout: number } {
    return { waited: this.#clock.now() - begun, timeout: this.#context.timeout };
  }
}
