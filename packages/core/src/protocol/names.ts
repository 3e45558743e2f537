import { createHash, type Hash } from "node:crypto";

// OCI distribution-spec 1.1, "Pulling manifests".
const tag = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function isTag(text: string): boolean {
  return tag.test(text);
}

// OCI distribution-spec 1.1, "Pulling manifests": one or more of these, joined by slashes.
const pathComponent = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

// The spec limits host and name together; distribution counts the name alone.
export const longestName = 255;

export function isRepositoryName(components: readonly string[]): boolean {
  if (components.length === 0) {
    return false;
  }
  let length = components.length - 1;
  for (const part of components) {
    length += part.length;
    if (length > longestName || !pathComponent.test(part)) {
      return false;
    }
  }
  return true;
}

// OCI image-spec 1.1, "Digests": algorithm ":" encoded.
const digest = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

// Registered algorithms have a fixed encoding; the upstream checks others.
const registered: ReadonlyMap<string, RegExp> = new Map([
  ["sha256", /^[a-f0-9]{64}$/],
  ["sha512", /^[a-f0-9]{128}$/],
  ["blake3", /^[a-f0-9]{64}$/],
]);

/** Whether a digest is of a registered algorithm, so that what it names can be nothing else (image-spec 1.1, "Registered algorithms"). */
export function isRegisteredDigest(text: string): boolean {
  return isDigest(text) && registered.has(text.slice(0, text.indexOf(":")));
}

const longestDigest = 512;

// The common case, tested first.
const sha256Digest = /^sha256:[a-f0-9]{64}$/;

export function isDigest(text: string): boolean {
  if (sha256Digest.test(text)) {
    return true;
  }
  if (text.length > longestDigest || !digest.test(text)) {
    return false;
  }
  const colon = text.indexOf(":");
  const encoded = registered.get(text.slice(0, colon));
  return encoded === undefined || encoded.test(text.slice(colon + 1));
}

/** Whether `bytes` have that digest. False for algorithms that Node cannot compute. */
export function isContent(digest: string, bytes: Buffer): boolean {
  const [algorithm = "", encoded] = digest.split(":");
  return hashOf(algorithm)?.update(bytes).digest("hex") === encoded;
}

/** Whether `bytes` have another digest. False for algorithms that Node cannot compute. */
export function isOtherContent(digest: string, bytes: Buffer): boolean {
  const [algorithm = "", encoded] = digest.split(":");
  const hash = hashOf(algorithm);
  return hash !== undefined && hash.update(bytes).digest("hex") !== encoded;
}

/** Whether content without bytes may have that digest. True for algorithms that Node cannot compute. */
export function isDigestOfNothing(digest: string): boolean {
  return !isOtherContent(digest, Buffer.alloc(0));
}

/** Undefined for all but those of image-spec 1.1, "Registered algorithms", that Node can compute. */
export function hashOf(algorithm: string): Hash | undefined {
  return algorithm === "sha256" || algorithm === "sha512" ? createHash(algorithm) : undefined;
}

/** The digest that registries compute by default. */
export function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
