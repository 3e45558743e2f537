import { LRUCache } from "lru-cache";

/** A number that stands for what clients may want of the same thing: the query and `Accept`. */
export type VariantId = number;

// Every version of every client has its own few.
const mostKnown = 256;

/** Gives long texts numbers, so that what is remembered need not hold the texts. */
export class VariantIds {
  readonly #known = new LRUCache<string, VariantId>({ max: mostKnown });
  #last = 0;

  /** The same for the same text, unless it has not come up for long. */
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
