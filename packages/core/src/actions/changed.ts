import type { Resource } from "../protocol/request.ts";
import type { Services } from "../services.ts";

/**
 * A manifest was put, or may have been: before its client learns that, what is remembered of its tag is forgotten, and nobody joins
 * any more those who asked before.
 */
export function manifestPut(services: Services, resource: Resource): void {
  if (resource.kind === "manifest") {
    services.memory.absences.forget(resource.repository, resource.reference);
    nobodyJoins(services, resource.repository);
  }
}

/** The same for a manifest that was deleted, or may have been. */
export function manifestDeleted(
  services: Services,
  { repository, reference, byDigest }: Extract<Resource, { kind: "manifest" }>,
): void {
  const { holders, manifests } = services.memory;
  services.owners.forget(repository);
  holders.forget(repository, reference);
  if (byDigest) {
    manifests.forget(repository, reference);
  } else {
    // By a tag, some registries delete what it stood for.
    manifests.forgetAllOf(repository);
  }
  nobodyJoins(services, repository);
}

function nobodyJoins({ upstreams, flights }: Services, repository: string): void {
  for (const upstream of upstreams) {
    flights.at(upstream).changed(repository);
  }
}
