import type { Profile } from "./profile.ts";

/** Registries that are programs to run, measured by running them. */
export const openSourceProfiles = {
  /** CNCF distribution 2.8.2, `registry:2`: no referrers API, absolute `Location`, unsorted tags, no delete of tags. */
  distribution: { referrers: false, locations: "absolute", lists: "whole", deletes: "digests" },

  /** CNCF distribution 3: no referrers API, absolute `Location`, sorted tags with pages. */
  "distribution-3": { referrers: false, locations: "absolute", lists: "sorted" },

  /** zot: the referrers API, and a list of the tags in pages. */
  zot: { referrers: true, lists: "sorted" },

  /** olareg: an unknown repository has an empty list of tags. Without an external URL, the realm of its tokens is a path. */
  olareg: { unknownTags: "empty", referrers: true, tokenDefaults: { realm: "relative" } },

  /** `crane registry serve`: takes manifests whose blobs it lacks. */
  crane: { validatesManifests: false, referrers: true },

  /** ocimem of cue-labs: says 500 UNKNOWN of a blob that it lacks, and takes manifests without their blobs. */
  ocimem: { unknownBlob: "error", validatesManifests: false, referrers: true },

  /** Cloudflare's serverless-registry: Basic authentication, and empty lists of tags for unknown repositories. */
  "serverless-registry": {
    auth: { username: "hello", password: "testkit-password" },
    unknownTags: "empty",
    referrers: false,
  },
} as const satisfies Readonly<Record<string, Profile>>;
