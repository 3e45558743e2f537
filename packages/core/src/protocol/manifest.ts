import { isObject, parseObject } from "./json.ts";
import { isDigest } from "./names.ts";

// image-spec 1.1, "Media Types".
export const manifestType = "application/vnd.oci.image.manifest.v1+json";
export const indexType = "application/vnd.oci.image.index.v1+json";

/** As `Accept` values, in docker's order. */
export const manifestTypes: readonly string[] = [
  indexType,
  "application/vnd.docker.distribution.manifest.list.v2+json",
  manifestType,
  "application/vnd.docker.distribution.manifest.v2+json",
];

// image-spec 1.1, and those of docker and of artifacts before it.
const manifestMediaType = /^application\/vnd\.[\w.-]*\b(?:manifest|index)\b[\w.-]*\+(?:json|prettyjws)$/i;

export function isManifestType(mediaType: string): boolean {
  return manifestMediaType.test(mediaType);
}

/** Whether bytes look like a manifest of some kind. distribution 2 sends `application/json` at times, other servers no type at all. */
export function hasManifestShape(bytes: Buffer): boolean {
  const { schemaVersion, mediaType, layers, manifests, config, fsLayers } =
    parseObject(bytes.toString()) ?? {};
  return (
    schemaVersion === 1 ||
    schemaVersion === 2 ||
    (typeof mediaType === "string" && isManifestType(mediaType)) ||
    [layers, manifests, fsLayers].some(Array.isArray) ||
    isObject(config)
  );
}

/** Whether bytes begin and end as a JSON object does: cheap, and false for what is empty or was cut. */
export function isWholeObject(bytes: Buffer): boolean {
  return (
    /^\s*\{/.test(bytes.toString("latin1", 0, 16)) &&
    /\}\s*$/.test(bytes.toString("latin1", bytes.length - 16))
  );
}

/** Bytes. No registry has to accept larger ones (distribution-spec 1.1, "Pushing Manifests"). */
export const longestManifest = 4 * 1024 * 1024;

/** A blob or manifest that a manifest needs in its own repository (image-spec 1.1, "Descriptor"). */
export interface Part {
  readonly digest: string;
  readonly size: number | undefined;
}

/** A registry accepts a manifest only if it has all of these. Each is listed once. */
interface Parts {
  readonly blobs: readonly Part[];
  readonly children: readonly Part[];
}

/**
 * Empty if `manifest` is not JSON. Layers that live elsewhere (`urls`) are not needed, nor is the subject, which may be pushed
 * later (distribution-spec 1.1, "Pushing Manifests with Subject").
 */
export function partsOf(manifest: Buffer): Parts {
  const { config, layers, blobs, manifests } = parseObject(manifest.toString()) ?? {};
  // `blobs` are those of an artifact manifest (release candidates of image-spec 1.1).
  return { blobs: readParts([config], layers, blobs), children: readParts(manifests) };
}

export function digestsIn(manifest: Buffer): string[] {
  const { blobs, children } = partsOf(manifest);
  return [...blobs, ...children].map(({ digest }) => digest);
}

export function hasParts(manifest: Buffer): boolean {
  return digestsIn(manifest).length > 0;
}

function readParts(...lists: readonly unknown[]): Part[] {
  const parts = new Map<string, Part>();
  for (const list of lists) {
    for (const descriptor of Array.isArray(list) ? list : []) {
      if (isObject(descriptor) && !Array.isArray(descriptor.urls)) {
        const { digest, size } = descriptor;
        if (typeof digest === "string" && isDigest(digest)) {
          parts.set(digest, { digest, size: typeof size === "number" ? size : undefined });
        }
      }
    }
  }
  return [...parts.values()];
}
