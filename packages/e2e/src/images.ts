import { createHash } from "node:crypto";
import { type Descriptor, startRegistry, type TestRegistry } from "@combined-registry/testkit";
import { request } from "./http.ts";

/** What clients accept when they ask for a manifest. */
export const acceptManifests = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

/** Bytes with their name. */
export interface Content {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** An image, or an index of several, with all that belongs to it. */
export interface Image {
  readonly mediaType: string;
  readonly manifest: Content;
  /** Configuration and layers; none for an index. */
  readonly blobs: readonly Content[];
  /** What an index is about. */
  readonly children: readonly Image[];
}

/** Some bytes, named by their digest. */
export function content(bytes: Buffer | string): Content {
  const buffer = Buffer.from(bytes);
  return { digest: `sha256:${createHash("sha256").update(buffer).digest("hex")}`, bytes: buffer };
}

const repository = "made/here";

/** An image that has one text in it, which makes it unlike any other; for several platforms, an index. */
export async function image(text: string, platforms: readonly string[] = ["linux/amd64"]): Promise<Image> {
  await using registry = await startRegistry();
  return await read(registry, registry.addImage(repository, { layers: [text], platforms, tag: "1.0" }));
}

async function read(registry: TestRegistry, { mediaType, digest }: Descriptor): Promise<Image> {
  const bytes = registry.manifest(repository, digest);
  if (bytes === undefined) {
    throw new Error(`the testkit has not got ${digest}, which it made`);
  }
  const { config, layers = [], manifests = [] }: Parts = JSON.parse(bytes.toString());
  const blobs = (config === undefined ? [] : [config, ...layers]).map((blob) =>
    readBlob(registry, blob.digest),
  );
  return {
    mediaType,
    manifest: { digest, bytes },
    blobs: await Promise.all(blobs),
    children: await Promise.all(manifests.map((child) => read(registry, child))),
  };
}

async function readBlob({ url }: TestRegistry, digest: string): Promise<Content> {
  const { body } = await request(url, "GET", `/v2/${repository}/blobs/${digest}`);
  return { digest, bytes: body };
}

/** What a manifest or an index refers to. */
interface Parts {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}
