import type { InflightManifests } from "../cache/inflight-manifests.ts";
import type { Memory } from "../cache/memory.ts";
import type { ManifestChange, PeersConfig } from "../config/options.ts";
import { sha256 } from "../protocol/names.ts";
import type { Resource } from "../protocol/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Ownership } from "./ownership.ts";

/** What a change of a manifest makes untrue. */
export interface InvalidationContext {
  readonly memory: Memory<Upstream>;
  readonly upstreams: readonly Upstream[];
  readonly inflight: InflightManifests<unknown>;
  readonly ownership: Ownership;
  readonly peers: PeersConfig | undefined;
}

/** What new requests go by, which may be a later configuration than that of the request that made a change. */
interface CurrentGeneration {
  memory: Memory<Upstream>;
  upstreams: readonly Upstream[];
}

/**
 * Forgets what a change of a manifest makes untrue, here and in every other process, before the client learns that the change has
 * been made.
 */
export class Invalidation {
  readonly #own: InvalidationContext;
  readonly #current: CurrentGeneration;

  /** @param before that of an earlier configuration, whose requests may still make changes */
  constructor(own: InvalidationContext, before?: Invalidation) {
    this.#own = own;
    const { memory, upstreams } = own;
    this.#current = Object.assign(before === undefined ? {} : before.#current, { memory, upstreams });
  }

  /**
   * A manifest was put, or may have been: what is remembered of its tag is forgotten, and as what type it was served, and no client
   * joins requests any more that were sent before. Never rejects.
   */
  async put(resource: Resource, body: Buffer): Promise<void> {
    if (resource.kind === "manifest") {
      const { repository, reference, byDigest } = resource;
      const digest = byDigest ? reference : sha256(body);
      await this.#publish({ kind: "put", repository, reference, byDigest, digest });
    }
  }

  /** The same for a manifest that was deleted, or may have been. */
  deleted({ repository, reference, byDigest }: Extract<Resource, { kind: "manifest" }>): Promise<void> {
    return this.#publish({ kind: "deleted", repository, reference, byDigest });
  }

  /** Another process says so. */
  apply(change: ManifestChange): void {
    this.#forget(change);
    if (change.kind === "put") {
      // It may be the first of its repository at hosted.
      this.#own.ownership.forget(change.repository);
      this.#own.ownership.excludeFromProbes(change.repository);
    }
  }

  async #publish(change: ManifestChange): Promise<void> {
    this.#forget(change);
    try {
      await this.#own.peers?.publish(change);
    } catch {
      // They are on their own then, as replicas are. The change has been made, and its client is to know.
    }
  }

  #forget(change: ManifestChange): void {
    const { memory, upstreams, inflight, ownership } = this.#own;
    if (change.kind === "deleted") {
      ownership.forget(change.repository);
    }
    for (const one of new Set([memory, this.#current.memory])) {
      if (change.kind === "put") {
        forgetPut(one, change);
      } else {
        forgetDeleted(one, change);
      }
    }
    for (const upstream of new Set([...upstreams, ...this.#current.upstreams])) {
      inflight.at(upstream).invalidate(change.repository);
    }
  }
}

function forgetPut(
  { absences, manifests }: Memory<Upstream>,
  { repository, reference, digest }: ManifestChange,
): void {
  absences.forget(repository, reference);
  if (digest !== undefined) {
    // The bytes are the same, but it may have been pushed as another type.
    manifests.forget(repository, digest);
  }
}

function forgetDeleted(
  { holders, manifests }: Memory<Upstream>,
  { repository, reference, byDigest }: ManifestChange,
): void {
  holders.forget(repository, reference);
  if (byDigest) {
    manifests.forget(repository, reference);
  } else {
    // By a tag, some registries delete what it stood for.
    manifests.forgetAllOf(repository);
  }
}
