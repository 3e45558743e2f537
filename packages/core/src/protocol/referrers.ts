import { isObject, parseObject } from "./json.ts";
import { indexType, manifestType } from "./manifest.ts";
import { isDigest, isRegisteredDigest } from "./names.ts";

/** An entry of an image index (image-spec 1.1, "Descriptor"). Other properties are kept. */
export interface Descriptor {
  readonly digest: string;
  readonly mediaType?: unknown;
  readonly size?: unknown;
  readonly artifactType?: unknown;
  readonly annotations?: unknown;
}

/**
 * The tag for the referrers of a digest at registries without the API (distribution-spec 1.1, "Referrers Tag Schema"). Undefined for an
 * algorithm that is not registered: `1.25:alpine` has the form of a digest, and its tag would be the ordinary tag `1.25-alpine`.
 */
export function referrersTag(subject: string): string | undefined {
  if (!isRegisteredDigest(subject)) {
    return undefined;
  }
  const colon = subject.indexOf(":");
  const algorithm = subject.slice(0, colon).slice(0, 32);
  const encoded = subject.slice(colon + 1).slice(0, 64);
  return `${algorithm}-${encoded}`.replace(/[^a-zA-Z0-9._-]/g, "-");
}

/** The descriptors of a referrers response; undefined if it is not an index. */
export function readReferrers(body: string): Descriptor[] | undefined {
  const manifests = parseObject(body)?.manifests;
  // Go programs write an empty list as null.
  return manifests === null ? [] : Array.isArray(manifests) ? manifests.filter(isDescriptor) : undefined;
}

export function wantedTypes(search: string): string[] {
  return new URLSearchParams(search).getAll("artifactType").filter((type) => type !== "");
}

/**
 * Not every registry filters, and none does so with the tag schema.
 * @param isFiltered whether the registry says that it did. What it kept without a type has that type: it read the manifest
 */
export function ofTypes(
  descriptors: readonly Descriptor[],
  wanted: readonly string[],
  isFiltered = false,
): Descriptor[] {
  return descriptors.filter(({ artifactType }) =>
    typeof artifactType === "string" && artifactType !== ""
      ? wanted.length === 0 || wanted.includes(artifactType)
      : wanted.length === 0 || isFiltered,
  );
}

/** Whether a registry says that it filtered by type (distribution-spec 1.1, "Listing Referrers"). */
export function saysFiltered(filtersApplied: readonly string[]): boolean {
  return filtersApplied
    .flatMap((value) => value.split(","))
    .some((name) => name.trim().replaceAll('"', "").toLowerCase() === "artifacttype");
}

interface MergedReferrers {
  /** Each digest once, as the first list has it. */
  readonly descriptors: readonly Descriptor[];
  /** Positions of the lists that did not fit. */
  readonly leftOut: readonly number[];
}

/**
 * Merges lists into an index of at most `limit` bytes. A list that does not fit is left out as a whole: clients could take a part
 * of it for all of it.
 */
export function mergeReferrers(lists: readonly (readonly Descriptor[])[], limit: number): MergedReferrers {
  const merged = new Map<string, Descriptor>();
  const leftOut: number[] = [];
  let size = Buffer.byteLength(imageIndex([]));
  for (const [position, list] of lists.entries()) {
    const added = new Map<string, Descriptor>();
    for (const descriptor of list) {
      if (!merged.has(descriptor.digest) && !added.has(descriptor.digest)) {
        added.set(descriptor.digest, descriptor);
      }
    }
    const grown = size + sizeOf([...added.values()]);
    if (grown > limit) {
      leftOut.push(position);
      continue;
    }
    size = grown;
    for (const [digest, descriptor] of added) {
      merged.set(digest, descriptor);
    }
  }
  return { descriptors: [...merged.values()], leftOut };
}

export function sizeOf(descriptors: readonly Descriptor[]): number {
  return descriptors.reduce((size, one) => size + Buffer.byteLength(JSON.stringify(one)) + 1, 0);
}

/** The response of the referrers API (distribution-spec 1.1, "Listing Referrers"), and the manifest under the tag. */
export function imageIndex(manifests: readonly Descriptor[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
}

function isDescriptor(value: unknown): value is Descriptor {
  return isObject(value) && typeof value.digest === "string" && isDigest(value.digest);
}

/** A manifest or index with a `subject` (image-spec 1.1). */
interface Referrer {
  readonly subject: string;
  readonly mediaType: string | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, unknown>> | undefined;
}

/** Undefined for a manifest without a subject of a registered algorithm, and for anything else. */
export function readReferrer(manifest: Buffer): Referrer | undefined {
  const { subject, config, annotations, mediaType, artifactType } = parseObject(manifest.toString()) ?? {};
  const digest = isObject(subject) ? subject.digest : undefined;
  if (typeof digest !== "string" || !isRegisteredDigest(digest)) {
    return undefined;
  }
  return {
    subject: digest,
    mediaType: text(mediaType),
    // distribution-spec 1.1, "Listing Referrers": the default is the type of the configuration.
    artifactType: text(artifactType) ?? (isObject(config) ? text(config.mediaType) : undefined),
    annotations: isObject(annotations) ? annotations : undefined,
  };
}

/** The entry for a referrer in the list of its subject (distribution-spec 1.1, "Pushing Manifests with Subject"). */
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
