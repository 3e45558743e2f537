import { SingleflightByRepository } from "../concurrency/singleflight.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Questions for manifests that are under way, at each upstream. */
export class InflightManifests<Answer> {
  readonly #inflight = new WeakMap<Upstream, SingleflightByRepository<Answer>>();

  at(upstream: Upstream): SingleflightByRepository<Answer> {
    let inflight = this.#inflight.get(upstream);
    if (inflight === undefined) {
      inflight = new SingleflightByRepository();
      this.#inflight.set(upstream, inflight);
    }
    return inflight;
  }
}
