import { SingleflightByRepository } from "../concurrency/singleflight.ts";
import type { Shared } from "../pull/coalesce.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Questions for manifests that are under way, at each upstream. */
export class InflightManifests {
  readonly #inflight = new WeakMap<Upstream, SingleflightByRepository<Shared>>();

  at(upstream: Upstream): SingleflightByRepository<Shared> {
    let inflight = this.#inflight.get(upstream);
    if (inflight === undefined) {
      inflight = new SingleflightByRepository();
      this.#inflight.set(upstream, inflight);
    }
    return inflight;
  }
}
