import { indexType, manifestType } from "./manifest.ts";
import { isDigest } from "./names.ts";

/** What an image index lists (image-spec 1.1, "Descriptor"); what is not looked at passes untouched. */
export interface Descriptor {
  readonly digest: string;
  readonly mediaType?: unknown;
  readonly size?: unknown;
  readonly artifactType?: unknown;
  readonly annotations?: unknown;
}

/**
 * The tag under which clients keep a digest's referrers at registries that have no API for them (distribution-spec 1.1,
 * "Referrers Tag Schema").
 */
export function referrersTag(subject: string): string {
  const colon = subject.indexOf(":");
  const algorithm = subject.slice(0, colon).slice(0, 32);
  const encoded = subject.slice(colon + 1).slice(0, 64);
  return `${algorithm}-${encoded}`.replace(/[^a-zA-Z0-9._-]/g, "-");
}

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

/** The types that a query asks for; none stands for all of them. */
export function wantedTypes(search: string): string[] {
  return new URLSearchParams(search).getAll("artifactType").filter((type) => type !== "");
}

/** Those of the wanted types. Not every registry filters, and none does so with the tag schema. */
export function ofTypes(descriptors: readonly Descriptor[], wanted: readonly string[]): Descriptor[] {
  return descriptors.filter(
    ({ artifactType }) =>
      wanted.length === 0 || (typeof artifactType === "string" && wanted.includes(artifactType)),
  );
}

/** Several members' referrers as one list. */
export interface MergedReferrers {
  /** Each digest once: the first member's word for it. */
  readonly descriptors: readonly Descriptor[];
  /** The places of the lists that did not fit in any more; none of their descriptors is among those that were joined. */
  readonly leftOut: readonly number[];
}

/**
 * Joins lists as long as the index of them fits into `limit` bytes. A list that does not fit is left out as a whole: half of
 * one could pass for all of it.
 */
export function mergeReferrers(lists: readonly (readonly Descriptor[])[], limit: number): MergedReferrers {
  const joined = new Map<string, Descriptor>();
  const leftOut: number[] = [];
  let size = Buffer.byteLength(imageIndex([]));
  for (const [place, list] of lists.entries()) {
    const news = new Map<string, Descriptor>();
    for (const descriptor of list) {
      if (!joined.has(descriptor.digest) && !news.has(descriptor.digest)) {
        news.set(descriptor.digest, descriptor);
      }
    }
    const grown = size + sizeOf([...news.values()]);
    if (grown > limit) {
      leftOut.push(place);
      continue;
    }
    size = grown;
    for (const [digest, descriptor] of news) {
      joined.set(digest, descriptor);
    }
  }
  return { descriptors: [...joined.values()], leftOut };
}

/** Bytes that descriptors take in an index. */
export function sizeOf(descriptors: readonly Descriptor[]): number {
  return descriptors.reduce((size, one) => size + Buffer.byteLength(JSON.stringify(one)) + 1, 0);
}

/** The answer to a referrers request (distribution-spec 1.1, "Listing Referrers"), and what stands under the tag. */
export function imageIndex(manifests: readonly Descriptor[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
}

function isDescriptor(value: unknown): value is Descriptor {
  return typeof value === "object" && value !== null && "digest" in value && typeof value.digest === "string";
}

/** A manifest or index that refers to another one (image-spec 1.1, "subject"). */
export interface Referrer {
  /** The digest of what it refers to. */
  readonly subject: string;
  readonly mediaType: string | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, unknown>> | undefined;
}

/** Reads what a manifest refers to; undefined if it refers to nothing, or is none. */
export function readReferrer(manifest: Buffer): Referrer | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(manifest.toString());
  } catch {
    return undefined;
  }
  if (!isTable(parsed)) {
    return undefined;
  }
  const { subject, config, annotations } = parsed;
  const digest = isTable(subject) ? subject.digest : undefined;
  if (typeof digest !== "string" || !isDigest(digest)) {
    return undefined;
  }
  return {
    subject: digest,
    mediaType: text(parsed.mediaType),
    // distribution-spec 1.1, "Listing Referrers": a manifest without a type is of that of its configuration.
    artifactType: text(parsed.artifactType) ?? (isTable(config) ? text(config.mediaType) : undefined),
    annotations: isTable(annotations) ? annotations : undefined,
  };
}

/** How a referrer stands in the list of its subject's (distribution-spec 1.1, "Pushing Manifests with Subject"). */
export function descriptorOf(
  { mediaType, artifactType, annotations }: Referrer,
  pushed: { readonly digest: string; readonly size: number; readonly type: string | undefined },
): Descriptor {
  return {
    mediaType: pushed.type?.split(";")[0]?.trim() ?? mediaType ?? manifestType,
    digest: pushed.digest,
    size: pushed.size,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations !== undefined && { annotations }),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
