import type { Resource } from "../protocol/request.ts";
import type { Services } from "../services.ts";

/**
 * A manifest was put, or may have been: before its client learns that, what is remembered of its tag is forgotten, and nobody joins
 * any more those who asked before.
 */
export function manifestPut(services: Services, resource: Resource): void {
  if (resource.kind !== "manifest") {
    return;
  }
  for (const { absences } of memoriesOf(services)) {
    absences.forget(resource.repository, resource.reference);
  }
  nobodyJoins(services, resource.repository);
}

/** The same for a manifest that was deleted, or may have been. */
export function manifestDeleted(
  services: Services,
  { repository, reference, byDigest }: Extract<Resource, { kind: "manifest" }>,
): void {
  services.owners.forget(repository);
  for (const { holders, manifests } of memoriesOf(services)) {
    holders.forget(repository, reference);
    if (byDigest) {
      manifests.forget(repository, reference);
    } else {
      // By a tag, some registries delete what it stood for.
      manifests.forgetAllOf(repository);
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
