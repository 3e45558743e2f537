// The program under test: it pulls an image and pushes it under another name to the same registry.

const acceptManifests = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

/**
 * Copies a tag from one repository of a registry to another, for every platform.
 * @returns the digest of the pushed manifest
 * @throws Error naming the request that the registry refused
 */
export async function copyImage(registry, from, to, tag) {
  return await copyManifest({ registry, from, to }, tag);
}

async function copyManifest(copy, reference) {
  const { registry, from, to } = copy;
  const source = `${registry}/v2/${from}/manifests/${reference}`;
  const answer = await ask(source, { headers: { Accept: acceptManifests } });
  const body = await answer.text(); // unchanged: other bytes would have another digest
  const { config, layers = [], manifests = [] } = JSON.parse(body);
  for (const { digest } of manifests) {
    await copyManifest(copy, digest);
  }
  for (const { digest } of config === undefined ? layers : [config, ...layers]) {
    await copyBlob(copy, digest);
  }
  const pushed = await ask(`${registry}/v2/${to}/manifests/${reference}`, {
    method: "PUT",
    headers: { "Content-Type": answer.headers.get("content-type") },
    body,
  });
  return pushed.headers.get("docker-content-digest");
}

async function copyBlob({ registry, from, to }, digest) {
  const { body } = await ask(`${registry}/v2/${from}/blobs/${digest}`);
  const begun = await ask(`${registry}/v2/${to}/blobs/uploads/`, { method: "POST" });
  const session = new URL(begun.headers.get("location"), registry);
  session.searchParams.set("digest", digest);
  await ask(session, {
    method: "PUT",
    headers: { "Content-Type": "application/octet-stream" },
    body,
    duplex: "half", // streamed, whatever its size
  });
}

async function ask(url, options = {}) {
  const answer = await fetch(url, options);
  if (!answer.ok) {
    throw new Error(`${options.method ?? "GET"} ${url}: ${answer.status} ${await answer.text()}`);
  }
  return answer;
}
