import { LRUCache } from "lru-cache";
import { Singleflight } from "../concurrency/singleflight.ts";
import type { Upstream } from "../upstream/upstream.ts";

export class InflightManifests<T> {
  readonly #inflight = new WeakMap<Upstream, Singleflight<T>>();

  at(upstream: Upstream): Singleflight<T> {
    let inflight = this.#inflight.get(upstream);
    if (inflight === undefined) {
      inflight = new Singleflight();
      this.#inflight.set(upstream, inflight);
    }
    return inflight;
  }
}

/** Stands for the query and `Accept` of a request, on which the response may depend. */
export type VariantId = number;

// Each version of each client has a few of its own.
const mostVariants = 256;

/** Interns long texts as numbers, so that caches need not hold the texts. */
export class VariantIds {
  readonly #ids = new LRUCache<string, VariantId>({ max: mostVariants });
  #last = 0;

  /** A text that has not been used for long gets another id. */
  idOf(text: string): VariantId {
    let id = this.#ids.get(text);
    if (id === undefined) {
      this.#last += 1;
      id = this.#last;
      this.#ids.set(text, id);
    }
    return id;
  }
}
