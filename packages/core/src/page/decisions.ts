import { accessesOf } from "../authorize/authorize.ts";
import type { PastDecision } from "../observe/decision-ring.ts";
import { parseRequest, parseTarget, type RegistryRequest, type Resource } from "../protocol/request.ts";
import type { ShownDecision } from "./model.ts";

export interface NamedDecision {
  readonly shown: ShownDecision;
  readonly repositories: readonly string[];
}

/** A decision as the page shows it; undefined if its request cannot be parsed. */
export function describeDecision(past: PastDecision): NamedDecision | undefined {
  const request = requestOf(past);
  if (request === undefined) {
    return undefined;
  }
  const { at, status, upstream, reason } = past;
  const { kind } = request.resource;
  const what = `${past.method} ${shownKinds[kind] ?? kind}`;
  return {
    shown: { at, what, of: nameOf(request.resource, past.repository), status, upstream, reason },
    repositories: accessesOf(request).flatMap(({ repository }) => repository ?? []),
  };
}

function requestOf({ method, path }: PastDecision): RegistryRequest | undefined {
  const target = parseTarget(path);
  try {
    return target.kind === "api" ? parseRequest(method, target.rest, target.search) : undefined;
  } catch {
    // A host application may have rewritten the URL before the router saw it.
    return undefined;
  }
}

const shownKinds: Readonly<Partial<Record<Resource["kind"], string>>> = {
  uploads: "upload",
  "upload-session": "upload",
  tags: "tag list",
};

function nameOf(resource: Resource, repository: string): string {
  switch (resource.kind) {
    case "manifest":
      return `${repository}${resource.byDigest ? "@" : ":"}${resource.reference}`;
    case "blob":
    case "referrers":
      return `${repository}@${resource.digest}`;
    default:
      return repository;
  }
}
