import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import type { TestRegistry } from "@combined-registry/testkit";
import { type Architecture, architectures, helloProgram } from "./hello-program.ts";

const types = {
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
} as const;

/** Adds an image of one small program, which prints a text. It runs on every platform that it is for. */
export function addHelloImage(registry: TestRegistry, repository: string, tag: string, text: string): void {
  const manifests = architectures.map((architecture) => ({
    ...addFor(registry, repository, architecture, text),
    platform: { os: "linux", architecture },
  }));
  registry.addManifest(repository, { schemaVersion: 2, mediaType: types.index, manifests }, { tag });
}

function addFor(registry: TestRegistry, repository: string, architecture: Architecture, text: string) {
  const archive = tarOf("hello", helloProgram(architecture, text));
  const add = (mediaType: string, bytes: Buffer) => {
    registry.addBlob(repository, bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const config = {
    architecture,
    os: "linux",
    config: { Entrypoint: ["/hello"] },
    rootfs: { type: "layers", diff_ids: [digestOf(archive)] },
  };
  const { mediaType, digest, size } = registry.addManifest(repository, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: add(types.config, Buffer.from(JSON.stringify(config))),
    layers: [add(types.layer, gzipSync(archive))],
  });
  return { mediaType, digest, size };
}

/** An archive with one file that may be executed (POSIX.1-1988 "ustar"). */
function tarOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write("0000755\x000000000\x000000000\0", 100);
  header.write(`${content.length.toString(8).padStart(11, "0")}\x0000000000000\x00        0`, 124);
  header.write("ustar\x0000", 257);
  // The checksum counts its own field as spaces.
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\x00 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
