import { LRUCache } from "lru-cache";

/** Stands for a query and an `Accept`. */
export type VariantId = number;

// Every version of every client has its own few.
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
