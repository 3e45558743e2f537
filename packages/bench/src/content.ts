import { content, type Image } from "@combined-registry/e2e/images";
import { seed } from "@combined-registry/e2e/seed";
import { blobDigest } from "./driver/blob.ts";
import type { LoadGenerator } from "./load-generator.ts";

const mediaType = "application/vnd.oci.image.manifest.v1+json";
const tag = "1.0";
const config = content('{"os":"linux","architecture":"amd64"}');
const layer = content("one layer, which every image has");

/** An image unlike any other, with a manifest of about 560 bytes. */
export function makeImage(title: string): Image {
  const manifest = content(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: config.digest,
        size: config.bytes.length,
      },
      layers: [
        {
          mediaType: "application/vnd.oci.image.layer.v1.tar",
          digest: layer.digest,
          size: layer.bytes.length,
        },
      ],
      annotations: { "org.opencontainers.image.title": title },
    }),
  );
  return { mediaType, manifest, blobs: [config, layer], children: [] };
}

/** Images in repositories of their own. */
export interface Images {
  readonly images: readonly Image[];
  readonly byTag: readonly string[];
  readonly byDigest: readonly string[];
}

/** Makes images and puts them into a registry. */
export async function seedImages(origin: string, prefix: string, count: number): Promise<Images> {
  const repositories = Array.from({ length: count }, (_, index) => `${prefix}/image-${index}`);
  const images = repositories.map(makeImage);
  await eightAtOnce([...images.entries()], ([index, image]) =>
    seed(origin, repositories[index] ?? "", tag, image),
  );
  return {
    images,
    byTag: repositories.map((repository) => manifestPath(repository, tag)),
    byDigest: images.map(({ manifest }, index) => manifestPath(repositories[index] ?? "", manifest.digest)),
  };
}

/** Does something with each of many, without hundreds of connections. */
export async function eightAtOnce<T>(all: readonly T[], act: (one: T) => Promise<unknown>): Promise<void> {
  const waiting = all.values();
  const work = async () => {
    for (const one of waiting) {
      await act(one);
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

let newTags = 0;

/** Puts an image under a tag that nobody has asked for yet. @returns its path */
export async function seedNewTag(origin: string): Promise<string> {
  newTags += 1;
  const repository = "public/new";
  await seed(origin, repository, `new-${newTags}`, makeImage(`new ${newTags}`));
  return manifestPath(repository, `new-${newTags}`);
}

/** Puts a large blob into a registry. @returns its path */
export async function seedBlobOf(
  megabytes: number,
  origin: string,
  generator: LoadGenerator,
): Promise<string> {
  const repository = "public/large";
  await generator.run({ kind: "upload", origin, repository, megabytes });
  return `/v2/${repository}/blobs/${blobDigest(megabytes)}`;
}

export function manifestPath(repository: string, reference: string): string {
  return `/v2/${repository}/manifests/${reference}`;
}
