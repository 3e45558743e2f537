import type { ManifestChange } from "../config/options.ts";
import { sha256 } from "../protocol/names.ts";
import type { Resource } from "../protocol/request.ts";
import type { Services } from "../services.ts";
import { excludeFromProbes } from "./ownership.ts";

type Memories = Services["memory"];

/**
 * A manifest was put, or may have been: before its client learns that, what is remembered of its tag is forgotten, and as what type
 * it was served, here and in every other process, and nobody joins any more those who asked before. Never rejects.
 */
export async function manifestPut(services: Services, resource: Resource, body: Buffer): Promise<void> {
  if (resource.kind === "manifest") {
    const { repository, reference, byDigest } = resource;
    const digest = byDigest ? reference : sha256(body);
    await invalidate(services, { kind: "put", repository, reference, byDigest, digest });
  }
}

/** The same for a manifest that was deleted, or may have been. */
export function manifestDeleted(
  services: Services,
  { repository, reference, byDigest }: Extract<Resource, { kind: "manifest" }>,
): Promise<void> {
  return invalidate(services, { kind: "deleted", repository, reference, byDigest });
}

/** Another process says so. */
export function applyInvalidation(services: Services, change: ManifestChange): void {
  forget(services, change);
  if (change.kind === "put") {
    // It may be the first of its repository at hosted.
    services.owners.forget(change.repository);
    excludeFromProbes(services, change.repository);
  }
}

async function invalidate(services: Services, change: ManifestChange): Promise<void> {
  forget(services, change);
  try {
    await services.config.peers?.publish(change);
  } catch {
    // They are on their own then, as replicas are. The change has been made, and its client is to know.
  }
}

function forget(services: Services, change: ManifestChange): void {
  const { kind, repository } = change;
  if (kind === "deleted") {
    services.owners.forget(repository);
  }
  for (const memory of memoriesOf(services)) {
    if (kind === "put") {
      forgetPut(memory, change);
    } else {
      forgetDeleted(memory, change);
    }
  }
  invalidateInflight(services, repository);
}

function forgetPut(
  { absences, manifests }: Memories,
  { repository, reference, digest }: ManifestChange,
): void {
  absences.forget(repository, reference);
  if (digest !== undefined) {
    // The bytes are the same, but it may have been pushed as another type.
    manifests.forget(repository, digest);
  }
}

function forgetDeleted(
  { holders, manifests }: Memories,
  { repository, reference, byDigest }: ManifestChange,
): void {
  holders.forget(repository, reference);
  if (byDigest) {
    manifests.forget(repository, reference);
  } else {
    // By a tag, some registries delete what it stood for.
    manifests.forgetAllOf(repository);
  }
}

function invalidateInflight({ upstreams, inflight, latest }: Services, repository: string): void {
  for (const upstream of new Set([...upstreams, ...latest.upstreams])) {
    inflight.at(upstream).changed(repository);
  }
}

/** That of the request's own configuration, and the one that new requests go by. */
function memoriesOf({ memory, latest }: Services): Iterable<Memories> {
  return new Set([memory, latest.memory]);
}
