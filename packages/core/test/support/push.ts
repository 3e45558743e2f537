import { createHash } from "node:crypto";
import type { TestRegistry } from "@combined-registry/testkit";
import { fetchRaw, type Received } from "./client.ts";

export const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** `sha256:...` of some content. */
export function digestOf(content: string | Buffer): string {
  return `sha256:${createHash("sha256").update(content).digest("hex")}`;
}

/** A manifest of such blobs. */
export function manifestOf(...blobs: readonly { readonly digest: string; readonly size: number }[]): string {
  const [config, ...layers] = blobs.map((blob) => ({ mediaType: "application/octet-stream", ...blob }));
  return JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers });
}

/** Pushes a manifest. */
export function putManifest(
  { url }: { readonly url: string },
  repository: string,
  reference: string,
  body: string | Buffer,
  contentType = manifestType,
): Promise<Received> {
  return fetchRaw(url, `/v2/${repository}/manifests/${reference}`, {
    method: "PUT",
    headers: { "Content-Type": contentType },
    body,
  });
}

/** What a registry was asked by a method, as `repository/...`. */
export function asked({ requests }: TestRegistry, method: string): string[] {
  return requests.filter((one) => one.method === method).map(({ path }) => path.slice("/v2/".length));
}

/** Errors of an answer, by code. */
export function codesOf({ body }: Received): string[] {
  return JSON.parse(body.toString()).errors.map(({ code }: { code: string }) => code);
}
