import type { InflightManifests } from "../cache/inflight-manifests.ts";
import type { Memory } from "../cache/memory.ts";
import type { ManifestChange, PeersConfig } from "../config/options.ts";
import { sha256 } from "../protocol/names.ts";
import { pushedTags, type Resource } from "../protocol/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Ownership } from "./ownership.ts";

interface InvalidationContext {
  readonly memory: Memory<Upstream>;
  readonly upstreams: readonly Upstream[];
  readonly inflight: InflightManifests<unknown>;
  readonly ownership: Ownership;
  readonly peers: PeersConfig | undefined;
}

/** The state of new requests: a request that makes a change may belong to an earlier configuration. */
interface CurrentGeneration {
  memory: Memory<Upstream>;
  upstreams: readonly Upstream[];
}

/** Drops cache entries after a change of a manifest, here and in every other process, before the client gets its response. */
export class Invalidation {
  readonly #own: InvalidationContext;
  readonly #current: CurrentGeneration;

  /** @param before of an earlier configuration, whose requests may still make changes */
  constructor(own: InvalidationContext, before?: Invalidation) {
    this.#own = own;
    const { memory, upstreams } = own;
    this.#current = Object.assign(before === undefined ? {} : before.#current, { memory, upstreams });
  }

  /** To be called after each attempt to put a manifest. Never rejects. */
  async put(resource: Resource, body: Buffer): Promise<void> {
    if (resource.kind === "manifest") {
      const { repository, reference, byDigest } = resource;
      const digest = byDigest ? reference : sha256(body);
      const put = { kind: "put", repository, digest } as const;
      const references = pushedTags(resource).map((tag) => ({ reference: tag, byDigest: false }));
      const all = byDigest ? [{ reference, byDigest }, ...references] : references;
      await Promise.all(all.map((one) => this.#publish({ ...put, ...one })));
    }
  }

  /** To be called after each attempt to delete a manifest. Never rejects. */
  deleted({ repository, reference, byDigest }: Extract<Resource, { kind: "manifest" }>): Promise<void> {
    return this.#publish({ kind: "deleted", repository, reference, byDigest });
  }

  /** Applies a change of another process. */
  apply(change: ManifestChange): void {
    this.#forget(change);
    if (change.kind === "put") {
      // It may be the first manifest of the repository at hosted.
      this.#own.ownership.forget(change.repository);
      this.#own.ownership.excludeFromProbes(change.repository);
    }
  }

  async #publish(change: ManifestChange): Promise<void> {
    this.#forget(change);
    try {
      await this.#own.peers?.publish(change);
    } catch {
      // The change has been made, and its client has to know. Other processes keep their caches until these expire.
    }
  }

  #forget(change: ManifestChange): void {
    const { memory, upstreams, inflight, ownership } = this.#own;
    if (change.kind === "deleted") {
      ownership.forget(change.repository);
    }
    for (const one of new Set([memory, this.#current.memory])) {
      forgetIn(one, change);
    }
    for (const upstream of new Set([...upstreams, ...this.#current.upstreams])) {
      inflight.at(upstream).invalidate(change.repository);
    }
  }
}

function forgetIn(
  { absences, holders, manifests }: Memory<Upstream>,
  { kind, repository, reference, byDigest, digest }: ManifestChange,
): void {
  if (kind === "put") {
    absences.forget(repository, reference);
    if (digest !== undefined) {
      // The bytes are the same, but the media type may be another one.
      manifests.forget(repository, digest);
    }
    return;
  }
  holders.forget(repository, reference);
  if (byDigest) {
    manifests.forget(repository, reference);
  } else {
    // Some registries delete the manifest with its tag.
    manifests.forgetAllOf(repository);
  }
}
