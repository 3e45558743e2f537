// OCI distribution-spec 1.1, "Pulling manifests": one or more of these, joined by slashes.
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

// The spec asks registries to take a name and host of 255 characters together; distribution counts the name alone.
const longestName = 255;

/** Whether `components`, joined by slashes, make a repository name. */
export function isRepositoryName(components: readonly string[]): boolean {
  if (components.length === 0) {
    return false;
  }
  let length = components.length - 1;
  for (const part of components) {
    length += part.length;
    if (length > longestName || !component.test(part)) {
      return false;
    }
  }
  return true;
}
