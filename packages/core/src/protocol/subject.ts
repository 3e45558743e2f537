import { manifestType } from "./manifest-types.ts";
import { isDigest } from "./names.ts";
import type { Descriptor } from "./referrers.ts";

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
