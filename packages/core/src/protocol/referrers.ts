/** What an image index lists (image-spec 1.1, "Descriptor"); what is not looked at passes untouched. */
export interface Descriptor {
  readonly digest: string;
  readonly artifactType?: unknown;
}

/** The media type of a referrers answer. */
export const indexType = "application/vnd.oci.image.index.v1+json";

/** The descriptors of a referrers answer; undefined if it is not an index. */
export function readReferrers(body: string): Descriptor[] | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null || !("manifests" in parsed)) {
    return undefined;
  }
  // Go programs write an empty list as null.
  const { manifests } = parsed;
  return manifests === null ? [] : Array.isArray(manifests) ? manifests.filter(isDescriptor) : undefined;
}

/** Several members' referrers as one list: each digest once, the first member's word for it. */
export function mergeReferrers(lists: readonly (readonly Descriptor[])[]): Descriptor[] {
  const byDigest = new Map<string, Descriptor>();
  for (const descriptor of lists.flat()) {
    if (!byDigest.has(descriptor.digest)) {
      byDigest.set(descriptor.digest, descriptor);
    }
  }
  return [...byDigest.values()];
}

/** The answer to a referrers request (distribution-spec 1.1, "Listing Referrers"). */
export function imageIndex(manifests: readonly Descriptor[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
}

function isDescriptor(value: unknown): value is Descriptor {
  return typeof value === "object" && value !== null && "digest" in value && typeof value.digest === "string";
}
