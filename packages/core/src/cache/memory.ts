import type { Member } from "../routing/ruling.ts";
import { NegativeCache } from "./absences.ts";
import { HolderHints } from "./holders.ts";
import { ManifestCache } from "./manifests.ts";

/** How much is remembered. */
export interface MemoryBounds {
  /** Places of digests. 0 switches that off. */
  readonly entries: number;
  /** Milliseconds that a place and a manifest are remembered. */
  readonly ttl: number;
  /** Milliseconds that a tag's absence is remembered. 0 switches that off. */
  readonly absentTtl: number;
  /** Bytes of manifests. 0 switches that off. */
  readonly manifestBytes: number;
}

/** What is remembered of the content of upstreams. */
export class Memory<M extends Member> {
  readonly holders: HolderHints<M>;
  readonly absences: NegativeCache<M>;
  readonly manifests: ManifestCache<M>;

  constructor({ entries, ttl, absentTtl, manifestBytes }: MemoryBounds) {
    this.holders = new HolderHints({ entries, ttl });
    this.absences = new NegativeCache(absentTtl);
    this.manifests = new ManifestCache({ bytes: manifestBytes, ttl });
  }
}
