import type { Answered } from "./decision-record.ts";

/** A decision about a repository, as it was told to the client. */
export interface PastDecision {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly method: string;
  readonly repository: string;
  readonly path: string;
  readonly status: number;
  /** Who answered: an upstream's name, or `router`. */
  readonly upstream: string;
  readonly reason: string;
}

type Slot = { -readonly [key in keyof PastDecision]: PastDecision[key] } & {
  /** Clocks go back; this grows. */
  turn: number;
};

const slots = 50;
// Of requests that were not let in: whoever asks for the same thing over and over again must not push out what others get.
const refusedSlots = 10;
const challenge = 401;
// Longer than any address that clients of registries make up: what is kept must not be theirs to choose.
const longestPath = 2_048;

/**
 * The latest decisions, with a few places apart for refusals. All are written over in turn, so that to remember one costs no memory.
 */
export class DecisionRing {
  readonly #admitted = new Slots(slots);
  readonly #refused = new Slots(refusedSlots);
  #turn = 0;

  /**
   * Requests that are about no repository, or that can be nobody's, are left out, and so is the router's own 401: every client gets
   * one before it sends a password, and one for a wrong password looks the same.
   */
  add({ record, target, isAdmitted }: Answered): void {
    const { repository, status } = record;
    if (repository === undefined || target.length > longestPath || (!isAdmitted && status === challenge)) {
      return;
    }
    const place = (isAdmitted ? this.#admitted : this.#refused).next();
    this.#turn += 1;
    place.turn = this.#turn;
    place.at = Date.now();
    place.method = record.method;
    place.repository = repository;
    place.path = target;
    place.status = status;
    place.upstream = record.upstream;
    place.reason = record.reason;
  }

  /** The latest first. */
  latest(): PastDecision[] {
    return [...this.#admitted.taken(), ...this.#refused.taken()]
      .sort((one, other) => other.turn - one.turn)
      .map(({ turn: _, ...past }) => past);
  }
}

class Slots {
  readonly #most: number;
  readonly #slots: Slot[] = [];
  #next = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** The one to be written over. */
  next(): Slot {
    const place = this.#slots[this.#next] ?? emptySlot();
    this.#slots[this.#next] = place;
    this.#next = (this.#next + 1) % this.#most;
    return place;
  }

  taken(): readonly Slot[] {
    return this.#slots;
  }
}

function emptySlot(): Slot {
  return { turn: 0, at: 0, method: "", repository: "", path: "", status: 0, upstream: "", reason: "" };
}
