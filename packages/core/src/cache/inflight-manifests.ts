import { SharedByRepository } from "../concurrency/singleflight.ts";
import type { Shared } from "../pull/coalesce.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Questions for manifests that are under way, at each upstream. */
export class Flights {
  readonly #flights = new WeakMap<Upstream, SharedByRepository<Shared>>();

  at(upstream: Upstream): SharedByRepository<Shared> {
    let flights = this.#flights.get(upstream);
    if (flights === undefined) {
      flights = new SharedByRepository();
      this.#flights.set(upstream, flights);
    }
    return flights;
  }
}
