import { ClientAborted, UpstreamFailure } from "../../errors.ts";
import { isRead, type UpstreamRequest } from "../request.ts";
import type { UpstreamResponse } from "../transport/send.ts";

/** What the outcome of a request says about the health of the upstream. */
export type HealthSignal = "answered" | "failed" | "timeout" | "nothing";

/** A client that leaves after this counts as a timeout, and a half-open probe waits no longer. Milliseconds. */
export const noticeableWait = 5_000;

// A gateway says so when the server behind it is away. Any other status shows that the upstream is there, even 500: caches of
// distribution answer it for every digest of a private image when their public registry refuses its name.
const gatewayErrors = [502, 503, 504];
const gatewayTimeout = 504;

export function signalOfResponse(
  { status, objection }: Pick<UpstreamResponse, "status" | "objection">,
  { list }: Pick<UpstreamRequest, "list">,
): HealthSignal {
  if (status === gatewayTimeout && list === true) {
    return "nothing";
  }
  return gatewayErrors.includes(status) || objection !== undefined ? "failed" : "answered";
}

/**
 * @param waited milliseconds until the request failed
 * @param timeout milliseconds that a request without an answer takes
 */
export function signalOfError(
  error: unknown,
  { method, list }: Pick<UpstreamRequest, "method" | "list">,
  { waited, timeout }: { waited: number; timeout: number },
): HealthSignal {
  // A list takes the longer the more entries it has: a catalog of ten thousand repositories may time out at a healthy upstream.
  const mayTimeOut = list !== true;
  if (error instanceof ClientAborted) {
    // Clients that time out before the router does must not hide that the upstream hangs. An upload may take any time.
    const noticed = isRead(method) && waited >= Math.min(timeout, noticeableWait);
    return noticed && mayTimeOut ? "timeout" : "nothing";
  }
  if (!(error instanceof UpstreamFailure)) {
    return "nothing";
  }
  if (error.report.kind === "refused" || error.report.kind === "rate-limited") {
    // The upstream answered: it refused the router, or limited its rate.
    return "answered";
  }
  if (error.report.kind !== "timeout") {
    return "failed";
  }
  return mayTimeOut ? "timeout" : "nothing";
}

export interface TripPolicyOptions {
  readonly limit: number;
  /** Milliseconds in which the same number of timeouts opens it, whatever is answered in between. */
  readonly window: number;
  /** Whether only failures in a row count. True for hosted: no registry behind it can hang while hosted answers from its own store. */
  readonly onlyInRow: boolean;
}

/**
 * Decides when the circuit opens: after failures in a row, or after as many timeouts within a window. A cache whose public registry
 * hangs still serves what it has, so answers in between must not reset the timeouts: each further one would cost a client the full
 * timeout. But one image may hang for reasons of its own. So concurrent requests for an image count once, and no image makes up more
 * than about half of the timeouts.
 */
export class TripPolicy {
  readonly #limit: number;
  readonly #window: number;
  readonly #onlyInRow: boolean;
  readonly #mostOfOne: number;
  #inRow = 0;
  #lastWasTimeout = false;
  #timedOut: { readonly name: string | undefined; readonly time: number }[] = [];

  constructor({ limit, window, onlyInRow }: TripPolicyOptions) {
    this.#limit = limit;
    this.#window = window;
    this.#onlyInRow = onlyInRow;
    this.#mostOfOne = Math.ceil(limit / 2);
  }

  get lastWasTimeout(): boolean {
    return this.#lastWasTimeout;
  }

  /**
   * Counts the outcome of a request.
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
        this.#lastWasTimeout = false;
        break;
      case "timeout":
        this.#noteTimeout(name, begun, ended);
    }
    return this.#inRow >= this.#limit || (!this.#onlyInRow && this.#timedOut.length >= this.#limit);
  }

  reset(): void {
    this.#inRow = 0;
    this.#timedOut = [];
  }

  #noteTimeout(name: string | undefined, begun: number, ended: number): void {
    const recent = this.#timedOut.filter(({ time }) => time > ended - this.#window);
    const same = recent.filter((one) => one.name === name);
    if (same.some(({ time }) => begun < time)) {
      return;
    }
    this.#inRow += 1;
    this.#lastWasTimeout = true;
    const [first] = same;
    this.#timedOut = [
      ...(same.length < this.#mostOfOne ? recent : recent.filter((one) => one !== first)),
      { name, time: ended },
    ].slice(-this.#limit);
  }
}
