import type { Shared } from "../pull/coalesce.ts";
import { SharedByRepository } from "../sharing/by-repository.ts";
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
