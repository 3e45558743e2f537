import { createHash } from "node:crypto";
import type { Sending } from "./two-workers.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const empty = { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf("{}"), size: 2 };

/** A manifest that refers to another one. */
export function signature(subject: string, number: number): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: empty,
    layers: [],
    subject: { mediaType: manifestType, digest: subject, size: 1 },
    annotations: { number: String(number) },
  });
}

export function digestOf(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** Path and request of its push. */
export function pushOf(repository: string, body: string): [path: string, request: Sending] {
  const headers = { "Content-Type": manifestType };
  return [`/v2/${repository}/manifests/${digestOf(body)}`, { method: "PUT", headers, body }];
}
