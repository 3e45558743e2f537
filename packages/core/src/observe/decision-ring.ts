import type { Exchange } from "../actions/exchange.ts";

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

type Place = { -readonly [key in keyof PastDecision]: PastDecision[key] };

const places = 50;
// Longer than any address that clients of registries make up: what is kept must not be theirs to choose.
const longestPath = 2_048;

/** The latest decisions. Its places are written over in turn, so that to remember one costs no memory. */
export class DecisionRing {
  readonly #places: readonly Place[] = Array.from({ length: places }, emptyPlace);
  #next = 0;

  /** Requests that are about no repository, or that can be nobody's, are left out. */
  add({ request, repository, decision }: Exchange, status: number): void {
    const { url = "", method = "" } = request;
    const place = this.#places[this.#next];
    if (repository === undefined || url.length > longestPath || place === undefined) {
      return;
    }
    this.#next = (this.#next + 1) % places;
    place.at = Date.now();
    place.method = method;
    place.repository = repository;
    place.path = url;
    place.status = status;
    place.upstream = decision.upstream;
    place.reason = decision.reason;
  }

  /** The latest first. */
  latest(): PastDecision[] {
    const inOrder = [...this.#places.slice(this.#next), ...this.#places.slice(0, this.#next)];
    return inOrder
      .filter(({ at }) => at > 0)
      .reverse()
      .map((place) => ({ ...place }));
  }
}

function emptyPlace(): Place {
  return { at: 0, method: "", repository: "", path: "", status: 0, upstream: "", reason: "" };
}
