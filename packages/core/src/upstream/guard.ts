import { type BulkheadPolicy, BulkheadRejectedError, bulkhead } from "cockatiel";
import type { CompleteUpstream } from "../config/complete.ts";
import type { Answer } from "./ask.ts";
import { Breaker, type BreakerContext, type BreakerState } from "./breaker.ts";
import { ClientGone, UpstreamFailure } from "./failure.ts";

// An upstream that was left out for being late is asked by so many at a time whether it has what nobody else has.
const mostLastChances = 8;

/** Stands before an upstream: how many may ask it at a time, and whether it is asked at all. */
export class Guard {
  readonly #breaker: Breaker | undefined;
  readonly #lookups: BulkheadPolicy;
  readonly #lastChances = bulkhead(mostLastChances);

  constructor({ breaker, lookups }: Pick<CompleteUpstream, "breaker" | "lookups">, context: BreakerContext) {
    this.#breaker = breaker && new Breaker(breaker, context);
    this.#lookups = bulkhead(lookups.concurrent, lookups.queued);
  }

  get state(): BreakerState {
    return this.#breaker?.state ?? "closed";
  }

  get isOut(): boolean {
    return this.state !== "closed";
  }

  /** Whether it was left out for being late, so that it may answer some requests. */
  get isLate(): boolean {
    return this.#breaker?.isLate ?? false;
  }

  /**
   * Asks when it is this request's turn; its turn ends with the head of the answer.
   * @throws UpstreamFailure at once if the upstream is left out or its queue is full; ClientGone
   */
  async ask(signal: AbortSignal, work: () => Promise<Answer>): Promise<Answer> {
    this.#checkOpen();
    return this.#inTurn(this.#lookups, () => {
      // Much may have happened while it waited.
      if (signal.aborted) {
        throw new ClientGone();
      }
      return this.send(work);
    });
  }

  /** Asks an upstream that is left out, because nobody else has it. */
  askAnyway(work: () => Promise<Answer>): Promise<Answer> {
    return this.#inTurn(this.#lastChances, work);
  }

  /**
   * Sends what takes no turn, as uploads do, whose number is that of the clients.
   * @throws UpstreamFailure at once if the upstream is left out
   */
  send(work: () => Promise<Answer>): Promise<Answer> {
    this.#checkOpen();
    return this.#breaker === undefined ? work() : this.#breaker.run(work);
  }

  /** Tries an upstream that is left out, in the background, if it is time to. */
  tryAgain(): void {
    this.#breaker?.tryAgain();
  }

  /** Whether there is still hope in an upstream that was left out: it is back, or it may have some things. */
  async lastChance(): Promise<"back" | "maybe" | undefined> {
    if (this.#breaker === undefined || (await this.#breaker.comesBack())) {
      return "back";
    }
    return this.isLate ? "maybe" : undefined;
  }

  #checkOpen(): void {
    if (this.#breaker !== undefined && this.isOut) {
      this.#breaker.tryAgain();
      const retryAfter = String(this.#breaker.retryAfter);
      throw new UpstreamFailure("skipped", "left out after failures", { retryAfter });
    }
  }

  async #inTurn(turns: BulkheadPolicy, work: () => Promise<Answer>): Promise<Answer> {
    try {
      // Not with the client's signal: of a cancelled one in its queue, cockatiel would forget to wake the next.
      return await turns.execute(work);
    } catch (error) {
      if (error instanceof BulkheadRejectedError) {
        throw new UpstreamFailure("busy", "too many requests are waiting for it", { retryAfter: "1" });
      }
      throw error;
    }
  }
}
