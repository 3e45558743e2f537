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

/** Why a client sends HEAD of a manifest. */
export type HeadPurpose = "push" | "push or pull" | "pull";

// With schema 1 and the artifact manifest of image-spec 1.1's release candidates, which older versions push.
const pushedType =
  /^application\/vnd\.(docker\.distribution\.manifest(\.list)?|oci\.(image|artifact)\.(manifest|index))\.v\d+\+(json|prettyjws)$/;

/** `allManifestMediaTypes` of go-containerregistry, in its order: containers/image (podman, skopeo) pulls with the same types. */
const typesOfGoContainerRegistry = [
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
  "application/vnd.docker.distribution.manifest.v2+json",
  manifestType,
  "application/vnd.docker.distribution.manifest.list.v2+json",
  indexType,
].join();

/**
 * Why a client sends HEAD of a manifest, as far as its `Accept` tells.
 *
 * - `push`: one type of manifest, and any type. The pusher of containerd asks so (core/remotes/docker/pusher.go; before 1.3 with `*`
 *   as any type). nerdctl, buildkit, and docker with the containerd image store use this pusher. Its resolver (resolver.go), which
 *   pulls, lists four types of manifests. Only `FetchByDigest` of its fetcher.go can send the same, for a digest of known type.
 * - `push or pull`: the list of go-containerregistry (pkg/v1/remote: `manifestExists` in pusher.go, `Head` in puller.go), which is in
 *   crane, ko, kaniko and cosign. Its pushes fail after any status but 200, 403 and 404.
 * - `pull`: anything else. docker without that store, podman, skopeo and oras send no HEAD of a tag before they push it. regclient
 *   does (image.go), and pushes whatever the status is.
 *
 * @param accept one value for each header line
 */
export function headPurpose(accept: readonly string[]): HeadPurpose {
  const ranges = accept
    .flatMap((line) => line.split(","))
    .map((range) => range.replace(/;.*/s, "").trim().toLowerCase());
  const types = ranges.filter((range) => range !== "*/*" && range !== "*");
  if (types.length === ranges.length) {
    return types.join() === typesOfGoContainerRegistry ? "push or pull" : "pull";
  }
  return types.length === 1 && types.every((type) => pushedType.test(type)) ? "push" : "pull";
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
