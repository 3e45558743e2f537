import type { Member } from "../routing/ruling.ts";
import { AbsenceMemory } from "./absences.ts";
import { HolderMemory } from "./holders.ts";
import { ManifestMemory } from "./manifests.ts";

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
  readonly holders: HolderMemory<M>;
  readonly absences: AbsenceMemory<M>;
  readonly manifests: ManifestMemory<M>;

  constructor({ entries, ttl, absentTtl, manifestBytes }: MemoryBounds) {
    this.holders = new HolderMemory({ entries, ttl });
    this.absences = new AbsenceMemory(absentTtl);
    this.manifests = new ManifestMemory({ bytes: manifestBytes, ttl });
  }
}
