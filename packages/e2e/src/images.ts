import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { tarOf } from "./tar.ts";

export const manifestType = "application/vnd.oci.image.manifest.v1+json";
export const indexType = "application/vnd.oci.image.index.v1+json";

/** What clients accept when they ask for a manifest. */
export const acceptManifests = [
  manifestType,
  indexType,
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

/** Bytes with their name. */
export interface Content {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** An image, or an index of several. */
export interface Image {
  readonly mediaType: string;
  readonly manifest: Content;
  readonly blobs: readonly Content[];
  /** What an index is about. */
  readonly children: readonly Image[];
}

/** An image of one platform. */
export interface PlatformImage extends Image {
  /** Configuration and layer. */
  readonly blobs: readonly [Content, Content];
}

/** The digest of some bytes. */
export function content(bytes: Buffer): Content {
  return { digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`, bytes };
}

/** An image of one layer with one file, whose text makes it unlike any other. The same text gives the same digests. */
export function image(text: string, architecture = "amd64"): PlatformImage {
  const archive = tarOf("hello.txt", Buffer.from(text));
  const layer = content(gzipSync(archive));
  const configuration = contentOf({
    architecture,
    os: "linux",
    config: { Cmd: ["/hello.txt"] },
    rootfs: { type: "layers", diff_ids: [content(archive).digest] },
  });
  const manifest = contentOf({
    schemaVersion: 2,
    mediaType: manifestType,
    config: descriptor("application/vnd.oci.image.config.v1+json", configuration),
    layers: [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
  });
  return { mediaType: manifestType, manifest, blobs: [configuration, layer], children: [] };
}

/** An image for two platforms. */
export function multiArchImage(text: string): Image {
  const platforms = ["amd64", "arm64"].map((architecture) => ({
    platform: { architecture, os: "linux" },
    child: image(`${text} on ${architecture}`, architecture),
  }));
  const manifest = contentOf({
    schemaVersion: 2,
    mediaType: indexType,
    manifests: platforms.map(({ platform, child }) => ({
      ...descriptor(child.mediaType, child.manifest),
      platform,
    })),
  });
  return { mediaType: indexType, manifest, blobs: [], children: platforms.map(({ child }) => child) };
}

function contentOf(value: object): Content {
  return content(Buffer.from(JSON.stringify(value)));
}

function descriptor(mediaType: string, { digest, bytes }: Content): object {
  return { mediaType, digest, size: bytes.length };
}
