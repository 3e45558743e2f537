import type { Member } from "../routing/ruling.ts";
import { NegativeCache } from "./absences.ts";
import { HolderHints } from "./holders.ts";
import { ManifestCache } from "./manifests.ts";
import { PushedParts } from "./pushed-parts.ts";

/** Times in milliseconds. 0 switches a cache off. */
export interface MemoryBounds {
  readonly entries: number;
  /** Of location hints and manifests. */
  readonly ttl: number;
  /** Of tags that were not found. */
  readonly absentTtl: number;
  readonly manifestBytes: number;
}

/** What this process remembers of upstreams. It is in memory alone, and a reload with other upstreams forgets it. */
export class Memory<M extends Member> {
  readonly holders: HolderHints<M>;
  readonly absences: NegativeCache<M>;
  readonly manifests: ManifestCache<M>;
  readonly pushedParts = new PushedParts();

  constructor({ entries, ttl, absentTtl, manifestBytes }: MemoryBounds) {
    this.holders = new HolderHints({ entries, ttl });
    this.absences = new NegativeCache(absentTtl);
    this.manifests = new ManifestCache({ bytes: manifestBytes, ttl });
  }
}
