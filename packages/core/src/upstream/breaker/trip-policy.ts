import { ClientAborted, UpstreamFailure } from "../../errors.ts";
import { isRead, type UpstreamRequest } from "../request.ts";
import type { UpstreamResponse } from "../transport/send.ts";

/** What the outcome of a request says about the upstream that was asked. */
export type HealthSignal = "answered" | "failed" | "late" | "nothing";

/** How long an upstream may take before it is late for a client that left, or for a trial. Milliseconds. */
export const noticeableWait = 5_000;

// A gateway that says that what stands behind it is not there. Any other answer, a 500 too, is one: caches of
// distribution answer every digest of a private image that way when their public registry refuses its name.
const nobodyBehind = [502, 503, 504];
const gatewayTimeout = 504;

/** What an answer says about the upstream. */
export function signalOfResponse(
  { status }: Pick<UpstreamResponse, "status">,
  { list }: Pick<UpstreamRequest, "list">,
): HealthSignal {
  if (status === gatewayTimeout && list === true) {
    return "nothing";
  }
  return nobodyBehind.includes(status) ? "failed" : "answered";
}

/**
 * What it says about the upstream that there was no answer.
 * @param waited milliseconds that the request had taken by then
 * @param patience milliseconds that a request which is never answered takes
 */
export function signalOfError(
  error: unknown,
  { method, list }: Pick<UpstreamRequest, "method" | "list">,
  { waited, timeout }: { waited: number; timeout: number },
): HealthSignal {
  // What a list takes depends on its length: a catalog of ten thousand repositories may well be late.
  const mayBeLate = list !== true;
  if (error instanceof ClientAborted) {
    // Clients with less patience than the router must not keep it from noticing. An upload takes what it takes.
    const noticed = isRead(method) && waited >= Math.min(timeout, noticeableWait);
    return noticed && mayBeLate ? "late" : "nothing";
  }
  if (!(error instanceof UpstreamFailure)) {
    return "nothing";
  }
  if (error.report.kind === "refused" || error.report.kind === "rate-limited") {
    // One that refuses the router, or asks for patience, is there.
    return "answered";
  }
  if (error.report.kind !== "timeout") {
    return "failed";
  }
  return mayBeLate ? "late" : "nothing";
}

/** When to open. */
export interface TripsOptions {
  /** So many failures in a row. */
  readonly limit: number;
  /** Milliseconds in which as many late ones count as much, whatever is answered in between. */
  readonly window: number;
  /** Whether they do not: what hosted answers, it would not have at hand if something behind it hung. */
  readonly onlyInRow: boolean;
}

/**
 * When to open: after failures in a row, or after as many late ones within a while, whatever came in between. A cache whose
 * public registry hangs goes on serving what it has; the rest would each cost a client the full timeout. But one image may
 * hang for reasons of its own: requests for it that wait side by side count once, and of what is late within a while no
 * image is more than about half.
 */
export class TripPolicy {
  readonly #limit: number;
  readonly #window: number;
  readonly #onlyInRow: boolean;
  readonly #mostOfOne: number;
  #inRow = 0;
  #lastWasLate = false;
  /** At most `limit`: with more, it would be open. */
  #late: { readonly name: string | undefined; readonly time: number }[] = [];

  constructor({ limit, window, onlyInRow }: TripsOptions) {
    this.#limit = limit;
    this.#window = window;
    this.#onlyInRow = onlyInRow;
    this.#mostOfOne = Math.ceil(limit / 2);
  }

  /** Whether the last failure that counted was a request that was never answered. */
  get lastWasLate(): boolean {
    return this.#lastWasLate;
  }

  /**
   * Learns how a request went.
   * @param name the repository that it was about
   * @param begun when it was sent, in milliseconds of the breaker's clock
   * @param ended when its outcome was known
   * @returns whether the circuit has to open
   */
  note(signal: HealthSignal, name: string | undefined, begun: number, ended: number): boolean {
    switch (signal) {
      case "answered":
        this.#inRow = 0;
        return false;
      case "nothing":
        return false;
      case "failed":
        this.#inRow += 1;
        this.#lastWasLate = false;
        break;
      case "late":
        this.#noteLate(name, begun, ended);
    }
    return this.#inRow >= this.#limit || (!this.#onlyInRow && this.#late.length >= this.#limit);
  }

  /** The circuit has closed: what happened before does not count any more. */
  reset(): void {
    this.#inRow = 0;
    this.#late = [];
  }

  #noteLate(name: string | undefined, begun: number, ended: number): void {
    const late = this.#late.filter(({ time }) => time > ended - this.#window);
    const same = late.filter((one) => one.name === name);
    if (same.some(({ time }) => begun < time)) {
      return;
    }
    this.#inRow += 1;
    this.#lastWasLate = true;
    const [first] = same;
    this.#late = [
      ...(same.length < this.#mostOfOne ? late : late.filter((one) => one !== first)),
      { name, time: ended },
    ].slice(-this.#limit);
  }
}
