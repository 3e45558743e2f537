import { LRUCache } from "lru-cache";
import type { RawHeaders } from "../protocol/headers.ts";
import type { Member } from "../routing/ruling.ts";
import { expiryAfter } from "./bounds.ts";
import type { VariantId } from "./inflight-manifests.ts";

export interface CachedManifest<M extends Member> {
  readonly holder: M;
  readonly search: string;
  readonly variant: VariantId;
  readonly mediaType: string;
  readonly headers: RawHeaders;
  readonly body: Buffer;
}

// Measured bytes of an entry beside its texts and its body.
const overhead = 1_536;

/** Manifests by repository and digest. The digest fixes the bytes, so an entry can only be wrong after a delete. */
export class ManifestCache<M extends Member> {
  readonly isOn: boolean;
  readonly #cached: LRUCache<string, CachedManifest<M>> | undefined;

  /** @param bounds 0 bytes switch it off; `ttl` in milliseconds */
  constructor({ bytes, ttl }: { readonly bytes: number; readonly ttl: number }) {
    this.isOn = bytes > 0;
    if (this.isOn) {
      this.#cached = new LRUCache({
        maxSize: bytes,
        sizeCalculation: ({ search, headers, body }, key) =>
          overhead + key.length + search.length + headers.join("").length + body.length,
        ...expiryAfter(ttl),
      });
    }
  }

  get(repository: string, digest: string): CachedManifest<M> | undefined {
    return this.#cached?.get(`${repository}@${digest}`);
  }

  /** The body of `manifest` must have the digest. */
  set(repository: string, digest: string, manifest: CachedManifest<M>): void {
    // A short buffer is part of Node's pool, and would keep all of that in memory.
    const body = Buffer.allocUnsafeSlow(manifest.body.length);
    manifest.body.copy(body);
    this.#cached?.set(`${repository}@${digest}`, { ...manifest, body });
  }

  forget(repository: string, digest: string): void {
    this.#cached?.delete(`${repository}@${digest}`);
  }

  /** After a delete by tag: the digest of the deleted manifest is not known. */
  forgetAllOf(repository: string): void {
    for (const key of this.#cached?.keys() ?? []) {
      if (key.startsWith(`${repository}@`)) {
        this.#cached?.delete(key);
      }
    }
  }
}
