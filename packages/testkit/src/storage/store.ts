import type { Content } from "./content.ts";

/** A manifest as it was put. */
export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** A blob; without content when uploads are discarded. */
export interface StoredBlob {
  readonly size: number;
  readonly content: Content | undefined;
}

/** One repository's content. */
export class Repository {
  readonly blobs = new Map<string, StoredBlob>();
  readonly manifests = new Map<string, StoredManifest>();
  /** Tag to digest. */
  readonly tags = new Map<string, string>();

  /** A manifest by tag or digest. */
  find(reference: string): StoredManifest | undefined {
    return this.manifests.get(this.tags.get(reference) ?? reference);
  }

  /** Removes a manifest and every tag that names it. */
  remove(digest: string): boolean {
    for (const [tag, tagged] of this.tags) {
      if (tagged === digest) {
        this.tags.delete(tag);
      }
    }
    return this.manifests.delete(digest);
  }
}

/** All that a registry holds, apart from how it is spoken to. */
export class Store {
  readonly #repositories = new Map<string, Repository>();

  /** The repository, if there is anything in it. */
  get(name: string): Repository | undefined {
    return this.#repositories.get(name);
  }

  /** The repository, made if it is new. */
  open(name: string): Repository {
    const repository = this.#repositories.get(name) ?? new Repository();
    this.#repositories.set(name, repository);
    return repository;
  }

  /** Names in the order in which they were added. */
  names(): string[] {
    return [...this.#repositories.keys()];
  }

  /** A blob of any repository: `POST ?mount=` without `from`, and object storage, know no names. */
  anywhere(digest: string): StoredBlob | undefined {
    for (const { blobs } of this.#repositories.values()) {
      const blob = blobs.get(digest);
      if (blob !== undefined) {
        return blob;
      }
    }
    return undefined;
  }
}
