import { gzipSync } from "node:zlib";
import type { Descriptor } from "../options.ts";
import { digestOf } from "../storage/content.ts";
import { tar } from "./tar.ts";

/** What an image is made of. */
export interface ImageOptions {
  /** @default none: it is known by its digest alone */
  readonly tag?: string;
  /** More of them. @default [] */
  readonly tags?: readonly string[];
  /** Each becomes a layer with one file of this content. @default one short text */
  readonly layers?: readonly (string | Uint8Array)[];
  /** `linux/amd64` and the like: more than one makes an index. @default ["linux/amd64"] */
  readonly platforms?: readonly string[];
  /** Merged into the image's configuration. */
  readonly config?: object;
  /** What kind of artifact it is, if it is no image to run. */
  readonly artifactType?: string;
  /** The manifest that it says something about, and whose referrer it is thereby. */
  readonly subject?: Descriptor;
}

/** An image as it was added. */
export interface ImageDescriptor extends Descriptor {
  /** Of the first platform. */
  readonly config: Descriptor;
  /** Of the first platform. */
  readonly layers: readonly Descriptor[];
  /** One per platform; of a single-platform image, itself. */
  readonly manifests: readonly Descriptor[];
}

/** Bytes with their descriptor. */
export interface Made {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** One platform's image. */
export interface MadeImage extends Made {
  readonly config: Made;
  readonly layers: readonly Made[];
}

const types = {
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
} as const;

/** Makes an image that real clients can pull and unpack: the same bytes for the same options. */
export function makeImage(platform: string, options: ImageOptions): MadeImage {
  const [os = "linux", architecture = "amd64"] = platform.split("/");
  const archives = (options.layers ?? ["hello"]).map((content, index) =>
    tar([{ name: `layer-${index}`, content: Buffer.from(content) }]),
  );
  const layers = archives.map((archive) => made(types.layer, gzipSync(archive)));
  const config = madeJson(types.config, {
    architecture,
    os,
    config: {},
    rootfs: { type: "layers", diff_ids: archives.map((archive) => digestOf(archive)) },
    ...options.config,
  });
  const manifest = madeJson(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    ...(options.artifactType !== undefined && { artifactType: options.artifactType }),
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...(options.subject !== undefined && { subject: options.subject }),
  });
  return {
    descriptor: { ...manifest.descriptor, platform: { os, architecture } },
    bytes: manifest.bytes,
    config,
    layers,
  };
}

/** Makes the index of several platforms' images. */
export function makeIndex(manifests: readonly Descriptor[]): Made {
  return madeJson(types.index, { schemaVersion: 2, mediaType: types.index, manifests });
}

function madeJson(mediaType: string, value: object): Made {
  return made(mediaType, Buffer.from(JSON.stringify(value)));
}

function made(mediaType: string, bytes: Buffer): Made {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
