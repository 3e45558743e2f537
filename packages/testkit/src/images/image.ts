import { gzipSync } from "node:zlib";
import type { Descriptor } from "../options.ts";
import { digestOf } from "../storage/content.ts";
import { tar } from "./tar.ts";

/** Options of `addImage`. */
export interface ImageOptions {
  /** Tag of the image. @default none: the image has only a digest */
  readonly tag?: string;
  /** Further tags. @default [] */
  readonly tags?: readonly string[];
  /** Content of the layers. Each layer has one file with this content. @default one layer with a short text */
  readonly layers?: readonly (string | Uint8Array)[];
  /** Platforms, such as `linux/amd64`. More than one makes an index. @default ["linux/amd64"] */
  readonly platforms?: readonly string[];
  /** Properties that are merged into the image's configuration. @default {} */
  readonly config?: object;
  /** Artifact type, for an artifact that is not a runnable image. @default none */
  readonly artifactType?: string;
  /** The `subject` of the manifest: the new image is a referrer of this manifest. @default none */
  readonly subject?: Descriptor;
}

/** Descriptors of an image that was added. */
export interface ImageDescriptor extends Descriptor {
  /** Configuration of the first platform. */
  readonly config: Descriptor;
  /** Layers of the first platform. */
  readonly layers: readonly Descriptor[];
  /** Manifests, one for each platform. For a single platform it is the image itself. */
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
