/** What several processes in front of the same registries need of each other. */
export interface PeersConfig {
  /**
   * Does work that must not run twice at a time under one key, in none of the processes: what reads, changes and writes back an
   * index of referrers at hosted. Within one process it is kept apart anyway.
   */
  withLock: <T>(key: string, work: () => Promise<T>) => Promise<T>;

  /**
   * Sends a change to all others, for their `handler.invalidate`: what they have cached may not hold any more. The client that made it is
   * answered when this resolves, and also if it rejects.
   */
  publish: (change: ManifestChange) => Promise<void>;
}

/** A manifest was pushed or deleted, or may have been. Plain data. */
export interface ManifestChange {
  /** What was done to it. */
  readonly kind: "put" | "deleted";
  /** In which repository of hosted. */
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
  /** Whether `reference` is a digest. */
  readonly byDigest: boolean;
  /** Of what was pushed. */
  readonly digest?: string;
}
