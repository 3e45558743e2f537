import { SingleflightByRepository } from "../concurrency/singleflight.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Requests for manifests in progress, at each upstream. */
export class InflightManifests<T> {
  readonly #inflight = new WeakMap<Upstream, SingleflightByRepository<T>>();

  at(upstream: Upstream): SingleflightByRepository<T> {
    let inflight = this.#inflight.get(upstream);
    if (inflight === undefined) {
      inflight = new SingleflightByRepository();
      this.#inflight.set(upstream, inflight);
    }
    return inflight;
  }
}
