import { Semaphore } from "../../concurrency/semaphore.ts";
import type { CompleteUpstream } from "../../config/complete.ts";
import { UpstreamFailure } from "../../errors.ts";
import type { InternalRequest } from "../request.ts";
import type { UpstreamResponse } from "../transport/send.ts";
import { Breaker, type BreakerContext, type BreakerState } from "./breaker.ts";

// An upstream that was left out for being late is asked by so many at a time whether it has what nobody else has. Each has a
// second, so that the last in the queue waits for eight.
const mostBypassing = 8;
const mostWaitingForOne = 64;

/** Stands before an upstream: how many may ask it at a time, and whether it is asked at all. */
export class UpstreamGate {
  readonly #breaker: Breaker | undefined;
  readonly #lookups: Semaphore;
  readonly #lastChances = new Semaphore(mostBypassing, mostWaitingForOne);

  constructor({ breaker, lookups }: Pick<CompleteUpstream, "breaker" | "lookups">, context: BreakerContext) {
    this.#breaker = breaker && new Breaker(breaker, context);
    this.#lookups = new Semaphore(lookups.concurrent, lookups.queued);
  }

  get state(): BreakerState {
    return this.#breaker?.state ?? "closed";
  }

  /**
   * Asks when it is this request's turn; its turn ends with the head of the answer, or with its end where that is read at once.
   * @param finish what else belongs to the turn, but says nothing about the upstream
   * @throws UpstreamFailure at once if the upstream is left out or its queue is full; ClientGone
   */
  async ask(
    asked: InternalRequest,
    signal: AbortSignal,
    work: () => Promise<UpstreamResponse>,
    finish: (answer: UpstreamResponse) => UpstreamResponse | Promise<UpstreamResponse>,
  ): Promise<UpstreamResponse> {
    const since = performance.now();
    this.#checkOpen(asked, since);
    return inTurn(this.#lookups, signal, async () => finish(await this.send(asked, work, since)));
  }

  /**
   * Asks an upstream that is left out, because nobody else has it, when it is this request's turn.
   * @throws UpstreamFailure, at once if the queue is full; ClientGone
   */
  sendBypassingBreaker(
    signal: AbortSignal,
    work: () => Promise<UpstreamResponse>,
  ): Promise<UpstreamResponse> {
    return inTurn(this.#lastChances, signal, work);
  }

  /**
   * Sends what takes no turn, as uploads do, whose number is that of the clients.
   * @param since when it was decided to ask, by `performance.now()`
   * @throws UpstreamFailure at once if the upstream is left out
   */
  send(
    asked: InternalRequest,
    work: () => Promise<UpstreamResponse>,
    since = performance.now(),
  ): Promise<UpstreamResponse> {
    return this.#breaker === undefined ? work() : this.#breaker.run(asked, work, since);
  }

  /** Tries an upstream that is left out, in the background, if it is time to. */
  probeIfDue(): void {
    this.#breaker?.probeIfDue();
  }

  /** It is not to be tried with anything of this repository; of no repository, if none is given. */
  forget(repository: string | undefined): void {
    this.#breaker?.forget(repository);
  }

  /** Whether there is still hope in an upstream that was left out: it is back, or it may have some things. */
  async bypassBreaker(): Promise<"back" | "maybe" | undefined> {
    if (this.#breaker === undefined || (await this.#breaker.awaitProbe())) {
      return "back";
    }
    return this.#breaker.openedByTimeouts ? "maybe" : undefined;
  }

  #checkOpen(asked: InternalRequest, since: number): void {
    if (this.#breaker !== undefined && this.state !== "closed") {
      throw this.#breaker.rejected(asked, since);
    }
  }
}

async function inTurn(
  turns: Semaphore,
  signal: AbortSignal,
  work: () => Promise<UpstreamResponse>,
): Promise<UpstreamResponse> {
  if (turns.isFull) {
    throw new UpstreamFailure("queue-full", "queue full", { retryAfter: "1" });
  }
  return turns.run(signal, work);
}
