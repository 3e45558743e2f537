import { LRUCache } from "lru-cache";
import type { RawHeaders } from "../protocol/headers.ts";
import { expiryAfter } from "./expiry.ts";
import type { Member } from "./member.ts";
import type { Wish } from "./wishes.ts";

/** A manifest as it was served. */
export interface KeptManifest<M extends Member> {
  /** Who served it. */
  readonly holder: M;
  readonly search: string;
  /** How it was asked for. */
  readonly wish: Wish;
  readonly mediaType: string;
  readonly headers: RawHeaders;
  readonly body: Buffer;
}

// What an entry takes beside its body: key, headers, and the entry itself. Bytes.
const overhead = 1_024;

/**
 * Manifests that were served, by repository and digest. The digest fixes the bytes, so all that can be wrong about one is that it
 * has been deleted since.
 */
export class ManifestMemory<M extends Member> {
  readonly #kept: LRUCache<string, KeptManifest<M>> | undefined;

  /** @param bounds bytes, 0 switches it off; milliseconds */
  constructor({ bytes, ttl }: { readonly bytes: number; readonly ttl: number }) {
    this.#kept =
      bytes > 0
        ? new LRUCache({
            maxSize: bytes,
            sizeCalculation: ({ body }) => body.length + overhead,
            ...expiryAfter(ttl),
          })
        : undefined;
  }

  /** Whether anything is ever kept. */
  get isOn(): boolean {
    return this.#kept !== undefined;
  }

  get(repository: string, digest: string): KeptManifest<M> | undefined {
    return this.#kept?.get(`${repository}@${digest}`);
  }

  /** @param manifest whose body is what the digest stands for */
  keep(repository: string, digest: string, manifest: KeptManifest<M>): void {
    this.#kept?.set(`${repository}@${digest}`, manifest);
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
