import { LRUCache } from "lru-cache";
import type { Member } from "../routing/ruling.ts";
import { atMost, type Clock, expiryAfter } from "./bounds.ts";

/**
 * Which upstream served what, so that digests can be asked for where they are likely to be. It only ever
 * changes the order in which upstreams are asked: a remembered place can cost a detour, never a wrong answer.
 */
export class HolderHints<M extends Member> {
  readonly #holders: LRUCache<string, M> | undefined;

  /** @param bounds how many places, and for how many milliseconds; 0 entries switch it off */
  constructor(bounds: { readonly entries: number; readonly ttl: number }, clock?: Clock) {
    const { entries, ttl } = bounds;
    this.#holders =
      entries > 0 ? new LRUCache({ ...atMost(entries), ...expiryAfter(ttl, clock) }) : undefined;
  }

  /** A manifest was served or accepted. */
  manifestAt(holder: M, repository: string, digest: string | undefined): void {
    this.#holders?.set(repository, holder);
    if (digest !== undefined) {
      this.#holders?.set(placeOf(repository, digest), holder);
    }
  }

  /** So its layers, its configuration and its children are likely to be there too. */
  partsAt(holder: M, repository: string, digest: string, parts: readonly string[]): void {
    for (const part of parts) {
      this.#holders?.set(placeOf(repository, part), holder);
    }
    this.#holders?.set(partsOf(repository, digest), holder);
  }

  /**
   * Whether there is nothing to be learned from that manifest. Where it is does not tell: that is known from a `HEAD` as well, and
   * for longer than the parts of one that is asked for again and again.
   */
  knowsParts(holder: M, repository: string, digest: string): boolean {
    return this.#holders === undefined || this.#holders.get(partsOf(repository, digest)) === holder;
  }

  /** Who is likely to hold a digest: whoever served it, or a manifest that it is a part of, else whoever last served the repository. */
  holderOf(repository: string, digest: string): M | undefined {
    return this.#holders?.get(placeOf(repository, digest)) ?? this.#holders?.get(repository);
  }

  /** A manifest was deleted. */
  forget(repository: string, digest: string): void {
    this.#holders?.delete(placeOf(repository, digest));
    this.#holders?.delete(partsOf(repository, digest));
    this.#holders?.delete(repository);
  }
}

function placeOf(repository: string, digest: string): string {
  return `${repository}@${digest}`;
}

/** No repository's name begins like that. */
function partsOf(repository: string, digest: string): string {
  return `@${repository}@${digest}`;
}
