import { LRUCache } from "lru-cache";
import type { RawHeaders } from "../protocol/headers.ts";
import type { Member } from "../routing/ruling.ts";
import { expiryAfter } from "./bounds.ts";
import type { VariantId } from "./inflight-manifests.ts";

/** A manifest as it was served. */
export interface CachedManifest<M extends Member> {
  /** Who served it. */
  readonly holder: M;
  readonly search: string;
  /** How it was asked for. */
  readonly variant: VariantId;
  readonly mediaType: string;
  readonly headers: RawHeaders;
  readonly body: Buffer;
}

// What an entry takes beside its texts and its body, as measured. Bytes.
const overhead = 1_536;

/**
 * Manifests that were served, by repository and digest. The digest fixes the bytes, so all that can be wrong about one is that it
 * has been deleted since.
 */
export class ManifestCache<M extends Member> {
  readonly #kept: LRUCache<string, CachedManifest<M>> | undefined;

  /** @param bounds bytes, 0 switches it off; milliseconds */
  constructor({ bytes, ttl }: { readonly bytes: number; readonly ttl: number }) {
    this.#kept =
      bytes > 0
        ? new LRUCache({
            maxSize: bytes,
            sizeCalculation: (kept, key) => sizeOf(key, kept),
            ...expiryAfter(ttl),
          })
        : undefined;
  }

  /** Whether anything is ever kept. */
  get isOn(): boolean {
    return this.#kept !== undefined;
  }

  get(repository: string, digest: string): CachedManifest<M> | undefined {
    return this.#kept?.get(`${repository}@${digest}`);
  }

  /** @param manifest whose body is what the digest stands for */
  keep(repository: string, digest: string, manifest: CachedManifest<M>): void {
    this.#kept?.set(`${repository}@${digest}`, { ...manifest, body: alone(manifest.body) });
  }

  /** A manifest was deleted. */
  forget(repository: string, digest: string): void {
    this.#kept?.delete(`${repository}@${digest}`);
  }

  /** Something was deleted from a repository by its tag, and nobody knows what that was. */
  forgetAllOf(repository: string): void {
    for (const key of this.#kept?.keys() ?? []) {
      if (key.startsWith(`${repository}@`)) {
        this.#kept?.delete(key);
      }
    }
  }
}

function sizeOf<M extends Member>(key: string, { search, headers, body }: CachedManifest<M>): number {
  const texts = headers.reduce((sum, text) => sum + text.length, key.length + search.length);
  return overhead + texts + body.length;
}

/** A short body shares Node's pool with others, and would keep all of that alive. */
function alone(body: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(body.length);
  body.copy(own);
  return own;
}
