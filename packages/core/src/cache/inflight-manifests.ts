import { LRUCache } from "lru-cache";
import { Singleflight } from "../concurrency/singleflight.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Requests for manifests in progress, at each upstream. */
export class InflightManifests<Answer> {
  readonly #inflight = new WeakMap<Upstream, Singleflight<Answer>>();

  at(upstream: Upstream): Singleflight<Answer> {
    let inflight = this.#inflight.get(upstream);
    if (inflight === undefined) {
      inflight = new Singleflight();
      this.#inflight.set(upstream, inflight);
    }
    return inflight;
  }
}

/** A number that stands for the query and `Accept` of a request, on which the answer may depend (`Vary`). */
export type VariantId = number;

// Each version of each client has a few of its own.
const mostKnown = 256;

/** Gives long texts numbers, so that caches need not hold the texts. */
export class VariantIds {
  readonly #known = new LRUCache<string, VariantId>({ max: mostKnown });
  #last = 0;

  /** The same for the same text, unless the text has not come up for long. */
  numberOf(text: string): VariantId {
    let number = this.#known.get(text);
    if (number === undefined) {
      this.#last += 1;
      number = this.#last;
      this.#known.set(text, number);
    }
    return number;
  }
}
