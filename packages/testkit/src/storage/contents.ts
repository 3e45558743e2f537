import { type ImageDescriptor, type ImageOptions, type Made, makeImage, makeIndex } from "../images/image.ts";
import type { Descriptor } from "../options.ts";
import { digestOf, generatedContent, generatedDigest, heldContent } from "./content.ts";
import { artifactTypeOf, readManifest } from "./manifest.ts";
import type { Store } from "./store.ts";

/** How a manifest is added. */
export interface ManifestOptions {
  /** Tag of the manifest. @default none: the manifest has only a digest */
  readonly tag?: string;
  /** Further tags. @default [] */
  readonly tags?: readonly string[];
  /** Media type. @default `mediaType` of the manifest, else that of an OCI image manifest */
  readonly mediaType?: string;
}

const blobType = "application/octet-stream";
const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** Puts content into a store from within the process. */
export class Contents {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  addBlob(repository: string, content: string | Uint8Array): Descriptor {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    this.#store.open(repository).blobs.set(digest, { size: bytes.length, content: heldContent(bytes) });
    return { mediaType: blobType, digest, size: bytes.length };
  }

  addGeneratedBlob(
    repository: string,
    { size, seed }: { readonly size: number; readonly seed: number },
  ): Descriptor {
    const digest = generatedDigest(size, seed);
    this.#store.open(repository).blobs.set(digest, { size, content: generatedContent(size, seed) });
    return { mediaType: blobType, digest, size };
  }

  addManifest(
    repository: string,
    manifest: object | string | Uint8Array,
    options: ManifestOptions = {},
  ): Descriptor {
    const bytes = bytesOf(manifest);
    const digest = digestOf(bytes);
    const read = readManifest(bytes);
    const mediaType = options.mediaType ?? read?.mediaType ?? manifestType;
    const opened = this.#store.open(repository);
    opened.manifests.set(digest, { digest, mediaType, bytes });
    for (const tag of [...(options.tags ?? []), ...(options.tag === undefined ? [] : [options.tag])]) {
      opened.tags.set(tag, digest);
    }
    const artifactType = read && artifactTypeOf(read);
    return { mediaType, digest, size: bytes.length, ...(artifactType !== undefined && { artifactType }) };
  }

  addImage(repository: string, options: ImageOptions = {}): ImageDescriptor {
    const platforms = options.platforms ?? ["linux/amd64"];
    const images = platforms.map((platform) => makeImage(platform, options));
    const [first] = images;
    if (first === undefined) {
      throw new TypeError("platforms: expected at least one, such as linux/amd64");
    }
    for (const { config, layers } of images) {
      for (const { bytes } of [config, ...layers]) {
        this.addBlob(repository, bytes);
      }
    }
    const single = images.length === 1;
    for (const image of images) {
      this.addManifest(repository, image.bytes, single ? tagsOf(options) : {});
    }
    const manifests = images.map(({ descriptor }) => descriptor);
    const top: Made = single ? first : makeIndex(manifests);
    if (!single) {
      this.addManifest(repository, top.bytes, tagsOf(options));
    }
    return {
      ...top.descriptor,
      config: first.config.descriptor,
      layers: first.layers.map(({ descriptor }) => descriptor),
      manifests,
    };
  }
}

function tagsOf({ tag, tags = [] }: ImageOptions): ManifestOptions {
  return { tags: tag === undefined ? tags : [...tags, tag] };
}

function bytesOf(manifest: object | string | Uint8Array): Buffer {
  return manifest instanceof Uint8Array || typeof manifest === "string"
    ? Buffer.from(manifest)
    : Buffer.from(JSON.stringify(manifest));
}
