// The program under test: tells whether a registry has an image.

/** @throws Error if the registry cannot tell */
export async function imageExists(registry, repository, tag) {
  // Not with HEAD: a registry of two parts answers that with 404 when one is away, so that pushes go on.
  const { status, body } = await fetch(`${registry}/v2/${repository}/manifests/${tag}`);
  await body?.cancel();
  if (status !== 200 && status !== 404) {
    throw new Error(`${registry} answered ${status} for ${repository}:${tag}`);
  }
  return status === 200;
}
