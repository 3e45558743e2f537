import type { ManifestChange } from "../config/written-peers.ts";
import type { Resource } from "../protocol/request.ts";
import type { Services } from "../services.ts";

/**
 * A manifest was put, or may have been: before its client learns that, what is remembered of its tag is forgotten, here and in
 * every other process, and nobody joins any more those who asked before. Never rejects.
 */
export async function manifestPut(services: Services, resource: Resource): Promise<void> {
  if (resource.kind === "manifest") {
    await changed(services, "put", resource);
  }
}

/** The same for a manifest that was deleted, or may have been. */
export function manifestDeleted(
  services: Services,
  resource: Extract<Resource, { kind: "manifest" }>,
): Promise<void> {
  return changed(services, "deleted", resource);
}

/** Another process says so. */
export function hear(services: Services, change: ManifestChange): void {
  forget(services, change);
  if (change.kind === "put") {
    // It may be the first of its repository at hosted.
    services.owners.forget(change.repository);
  }
}

async function changed(
  services: Services,
  kind: ManifestChange["kind"],
  { repository, reference, byDigest }: Extract<Resource, { kind: "manifest" }>,
): Promise<void> {
  const change = { kind, repository, reference, byDigest };
  forget(services, change);
  try {
    await services.config.peers?.tell(change);
  } catch {
    // They are on their own then, as replicas are. The change has been made, and its client is to know.
  }
}

function forget(services: Services, { kind, repository, reference, byDigest }: ManifestChange): void {
  if (kind === "deleted") {
    services.owners.forget(repository);
  }
  for (const { holders, manifests, absences } of memoriesOf(services)) {
    if (kind === "put") {
      absences.forget(repository, reference);
    } else {
      holders.forget(repository, reference);
      if (byDigest) {
        manifests.forget(repository, reference);
      } else {
        // By a tag, some registries delete what it stood for.
        manifests.forgetAllOf(repository);
      }
    }
  }
  nobodyJoins(services, repository);
}

function nobodyJoins({ upstreams, flights, latest }: Services, repository: string): void {
  for (const upstream of new Set([...upstreams, ...latest.upstreams])) {
    flights.at(upstream).changed(repository);
  }
}

/** That of the request's own configuration, and the one that new requests go by. */
function memoriesOf({ memory, latest }: Services): Iterable<Services["memory"]> {
  return new Set([memory, latest.memory]);
}
