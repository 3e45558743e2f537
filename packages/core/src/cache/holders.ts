import { LRUCache } from "lru-cache";
import type { Member } from "../routing/ruling.ts";
import { atMost, type Clock, expiryAfter } from "./bounds.ts";

/**
 * Which upstream is likely to have a digest. Hints only change the order in which upstreams are asked: a wrong one costs a detour,
 * never a wrong response.
 */
export class HolderHints<M extends Member> {
  /**
   * By repository, by `repository@digest`, and by `@repository@digest` for a manifest whose parts are recorded. No repository's name
   * begins with `@`.
   */
  readonly #holders: LRUCache<string, M> | undefined;

  /** @param bounds `ttl` in milliseconds; 0 entries switch it off */
  constructor({ entries, ttl }: { readonly entries: number; readonly ttl: number }, clock?: Clock) {
    this.#holders =
      entries > 0 ? new LRUCache({ ...atMost(entries), ...expiryAfter(ttl, clock) }) : undefined;
  }

  manifestAt(holder: M, repository: string, digest: string | undefined): void {
    this.#holders?.set(repository, holder);
    if (digest !== undefined) {
      this.#holders?.set(`${repository}@${digest}`, holder);
    }
  }

  /** The layers, the configuration and the children of a manifest are likely to be where the manifest is. */
  partsAt(holder: M, repository: string, digest: string, parts: readonly string[]): void {
    for (const part of parts) {
      this.#holders?.set(`${repository}@${part}`, holder);
    }
    this.#holders?.set(`@${repository}@${digest}`, holder);
  }

  /**
   * True if the hints have the parts of this manifest already. A hint for the manifest itself proves nothing: HEAD records it
   * without reading the body, and it outlives those of the parts if the manifest is requested again and again.
   */
  knowsParts(holder: M, repository: string, digest: string): boolean {
    return this.#holders === undefined || this.#holders.get(`@${repository}@${digest}`) === holder;
  }

  /** The upstream that served the digest, or a manifest that contains it; else the one that last served the repository. */
  holderOf(repository: string, digest: string): M | undefined {
    return this.#holders?.get(`${repository}@${digest}`) ?? this.#holders?.get(repository);
  }

  forget(repository: string, digest: string): void {
    this.#holders?.delete(`${repository}@${digest}`);
    this.#holders?.delete(`@${repository}@${digest}`);
    this.#holders?.delete(repository);
  }
}
