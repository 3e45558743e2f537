import { LRUCache } from "lru-cache";
import { atMost, type Clock, expiryAfter } from "./bounds.ts";

const mostParts = 20_000;
// Milliseconds. From the HEAD of the first layer to the manifest, a large push takes minutes.
const longestPush = 10 * 60_000;
// Hosted may lose a part to a garbage collection or a delete that the router does not see. Asking again costs one HEAD.
const hostedTtl = 60_000;

/**
 * Where clients were told that a part of a manifest is, before they push the manifest: `hosted`, or `proxy`, from which it has to be
 * copied. Nothing is known after a restart or of other processes, and hosted is asked then.
 */
export class PushedParts {
  readonly #where: LRUCache<string, "hosted" | "proxy">;

  constructor(clock?: Clock) {
    this.#where = new LRUCache({ ...atMost(mostParts), ...expiryAfter(longestPush, clock) });
  }

  learn(where: "hosted" | "proxy", repository: string, digest: string): void {
    const ttl = where === "hosted" ? hostedTtl : longestPush;
    this.#where.set(`${repository}@${digest}`, where, { ttl });
  }

  whereIs(repository: string, digest: string): "hosted" | "proxy" | undefined {
    return this.#where.get(`${repository}@${digest}`);
  }

  forget(repository: string, digest: string): void {
    this.#where.delete(`${repository}@${digest}`);
  }
}
