import { createHash } from "node:crypto";
import type { Descriptor, TestRegistry } from "@combined-registry/testkit";
import type { Received } from "./client.ts";

export const manifestType = "application/vnd.oci.image.manifest.v1+json";
export const indexType = "application/vnd.oci.image.index.v1+json";
export const emptyConfig = {
  mediaType: "application/vnd.oci.empty.v1+json",
  digest: `sha256:${createHash("sha256").update("{}").digest("hex")}`,
  size: 2,
};

/** A manifest about another one, as `oras attach` and `cosign sign` make it. */
export function referrer(subject: string, artifactType: string | undefined, note: string) {
  return {
    schemaVersion: 2,
    mediaType: manifestType,
    ...(artifactType !== undefined && { artifactType }),
    config: emptyConfig,
    layers: [],
    subject: { mediaType: manifestType, digest: subject, size: 1 },
    annotations: { note },
  };
}

/** The tag under which clients keep a subject's referrers. */
export function tagOf(subject: string): string {
  return subject.replace(":", "-");
}

/** Adds a manifest about another one, and lists it under the tag, as clients do where there is no API. */
export function attachByTag(
  registry: TestRegistry,
  repository: string,
  subject: string,
  artifactType: string,
  note: string,
): Descriptor {
  const { mediaType, digest, size } = registry.addManifest(repository, referrer(subject, artifactType, note));
  const before = registry.manifest(repository, tagOf(subject));
  const manifests = before === undefined ? [] : JSON.parse(before.toString()).manifests;
  registry.addManifest(
    repository,
    {
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [...manifests, { mediaType, digest, size, artifactType }],
    },
    { tag: tagOf(subject) },
  );
  return { mediaType, digest, size, artifactType };
}

/** What an index lists, in order of the alphabet. */
export function listed({ body }: Pick<Received, "body">): string[] {
  return JSON.parse(body.toString())
    .manifests.map(({ digest }: Descriptor) => digest)
    .sort();
}
