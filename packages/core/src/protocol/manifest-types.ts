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
