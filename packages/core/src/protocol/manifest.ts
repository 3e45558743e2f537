import { isDigest } from "./names.ts";

/** The media type of an image manifest (image-spec 1.1, "Media Types"). */
export const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** The media type of an image index, and so of a referrers answer. */
export const indexType = "application/vnd.oci.image.index.v1+json";

/** The media types of manifests and indexes, as `Accept` values in the order in which docker sends them. */
export const manifestTypes: readonly string[] = [
  indexType,
  "application/vnd.docker.distribution.manifest.list.v2+json",
  manifestType,
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** Bytes; larger manifests and indexes need not be accepted by anybody (distribution-spec 1.1, "Pushing Manifests"). */
export const longestManifest = 4 * 1024 * 1024;

/** A reference that a manifest needs in its own repository (image-spec 1.1, "Descriptor"). */
export interface Part {
  readonly digest: string;
  /** Bytes, where it is given. */
  readonly size: number | undefined;
}

/** What has to be in a repository before a registry accepts a manifest there. */
export interface Parts {
  /** Configuration and layers, each once. */
  readonly blobs: readonly Part[];
  /** The manifests of an index, each once. */
  readonly children: readonly Part[];
}

const none: Parts = { blobs: [], children: [] };

/**
 * Reads what a manifest needs; what is no JSON, or no descriptor, needs nothing. Not among it are layers that live elsewhere
 * (`urls`), and the subject, which may be pushed later (distribution-spec 1.1, "Pushing Manifests with Subject").
 */
export function partsOf(manifest: Buffer): Parts {
  let parsed: unknown;
  try {
    parsed = JSON.parse(manifest.toString());
  } catch {
    return none;
  }
  if (typeof parsed !== "object" || parsed === null) {
    return none;
  }
  const listed = (key: string) => readList(Reflect.get(parsed, key));
  return {
    // `blobs` is what the artifact manifest of image-spec 1.1's release candidates has.
    blobs: distinct([...readList([Reflect.get(parsed, "config")]), ...listed("layers"), ...listed("blobs")]),
    children: distinct(listed("manifests")),
  };
}

/** The digests of all that a manifest needs. */
export function digestsIn(manifest: Buffer): string[] {
  const { blobs, children } = partsOf(manifest);
  return [...blobs, ...children].map(({ digest }) => digest);
}

/** Whether a manifest needs anything. */
export function hasParts(manifest: Buffer): boolean {
  const { blobs, children } = partsOf(manifest);
  return blobs.length + children.length > 0;
}

function readList(value: unknown): Part[] {
  return Array.isArray(value) ? value.flatMap(readPart) : [];
}

function readPart(value: unknown): Part[] {
  if (typeof value !== "object" || value === null || Array.isArray(Reflect.get(value, "urls"))) {
    return [];
  }
  const digest: unknown = Reflect.get(value, "digest");
  const size: unknown = Reflect.get(value, "size");
  return typeof digest === "string" && isDigest(digest)
    ? [{ digest, size: typeof size === "number" ? size : undefined }]
    : [];
}

function distinct(parts: readonly Part[]): readonly Part[] {
  return [...new Map(parts.map((part) => [part.digest, part])).values()];
}
