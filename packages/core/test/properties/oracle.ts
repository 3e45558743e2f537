import { posix } from "node:path";

/**
 * The repository that distribution understands in a path, worked out the way that its router does it: the path decoded and
 * cleaned, then matched with patterns that read names greedily. Undefined for a path without one.
 */
export function repositoryAsDistributionReadsIt(path: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  const cleaned = posix.normalize(decoded);
  const name = "([a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)";
  const tails = [
    "/manifests/[^/]+",
    "/tags/list",
    "/blobs/uploads/?",
    "/blobs/uploads/[a-zA-Z0-9\\-_.=~!$&'()*+,;:@]+",
    "/blobs/[^/]+",
    "/referrers/[^/]+",
  ];
  for (const tail of tails) {
    const found = new RegExp(`^/v2/${name}${tail}$`).exec(cleaned);
    if (found !== null) {
      return found[1];
    }
  }
  return undefined;
}
