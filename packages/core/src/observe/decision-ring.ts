import type { Answered } from "./decision-record.ts";

export interface PastDecision {
  readonly at: number;
  readonly method: string;
  readonly repository: string;
  readonly path: string;
  readonly status: number;
  readonly upstream: string;
  readonly reason: string;
}

type Entry = PastDecision & {
  /** Grows with each decision; clocks may go back. */
  readonly sequence: number;
};

const mostDecisions = 50;
// Refusals are kept apart: a client that repeats one refused request must not push out the decisions of others.
const mostRefusals = 10;
const challenge = 401;
// Longer than any target that registry clients send. Clients must not choose how much memory is kept.
const longestTarget = 2_048;

export class DecisionRing {
  readonly #decisions: Entry[] = [];
  readonly #refusals: Entry[] = [];
  #decided = 0;
  #refused = 0;

  /** Ignores the router's own 401: every client gets one before it sends a password, and a wrong password looks the same. */
  add({ record, target, authorized }: Answered): void {
    const { method, repository, status, upstream, reason } = record;
    if (repository === undefined || target.length > longestTarget || (!authorized && status === challenge)) {
      return;
    }
    const sequence = this.#decided + this.#refused;
    const entry = { sequence, at: Date.now(), method, repository, path: target, status, upstream, reason };
    if (authorized) {
      this.#decisions[this.#decided++ % mostDecisions] = entry;
    } else {
      this.#refusals[this.#refused++ % mostRefusals] = entry;
    }
  }

  latest(): PastDecision[] {
    return [...this.#decisions, ...this.#refusals]
      .sort((one, other) => other.sequence - one.sequence)
      .map(({ sequence: _, ...past }) => past);
  }
}
