import { createHash, type Hash } from "node:crypto";

// OCI image-spec 1.1, "Digests": algorithm ":" encoded.
const grammar = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

// The registered algorithms fix what follows the colon; others are the upstream's business.
const registered: ReadonlyMap<string, RegExp> = new Map([
  ["sha256", /^[a-f0-9]{64}$/],
  ["sha512", /^[a-f0-9]{128}$/],
  ["blake3", /^[a-f0-9]{64}$/],
]);

const longestDigest = 512;

// What nearly all of them are.
const usual = /^sha256:[a-f0-9]{64}$/;

/** Whether `text` is a digest that a registry could hold. */
export function isDigest(text: string): boolean {
  if (usual.test(text)) {
    return true;
  }
  if (text.length > longestDigest || !grammar.test(text)) {
    return false;
  }
  const colon = text.indexOf(":");
  const encoded = registered.get(text.slice(0, colon));
  return encoded === undefined || encoded.test(text.slice(colon + 1));
}

/** Whether content is what a digest stands for. False for algorithms that cannot be computed here. */
export function isContent(digest: string, bytes: Buffer): boolean {
  const [algorithm = "", encoded] = digest.split(":");
  return hashOf(algorithm)?.update(bytes).digest("hex") === encoded;
}

/** Undefined for algorithms that cannot be computed here. */
export function hashOf(algorithm: string): Hash | undefined {
  // Those of image-spec 1.1, "Registered algorithms", that Node has.
  return algorithm === "sha256" || algorithm === "sha512" ? createHash(algorithm) : undefined;
}

/** The digest of content, by SHA-256, as registries compute it where nobody asks for another algorithm. */
export function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
