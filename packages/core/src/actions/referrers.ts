import { RegistryError } from "../protocol/errors.ts";
import { valuesOf, warning } from "../protocol/headers.ts";
import { nextQuery } from "../protocol/links.ts";
import {
  type Descriptor,
  imageIndex,
  indexType,
  mergeReferrers,
  readReferrers,
} from "../protocol/referrers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errorCodes } from "../protocol/unknown-content.ts";
import { type Attempt, describeAttempt, type FailureReport } from "../routing/attempt.ts";
import type { Services } from "../services.ts";
import { readBounded } from "../upstream/bounded-body.ts";
import type { Errand } from "../upstream/errand.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { consult, errandOf } from "./consult.ts";
import type { Exchange } from "./exchange.ts";
import { failureError } from "./nobody-has-it.ts";
import { send } from "./send.ts";

/** What one member knows of a digest's referrers. */
type Known =
  | { readonly kind: "listed"; readonly descriptors: readonly Descriptor[] }
  /** It has not got the referrers API: clients find what it has under the `sha256-...` tag. */
  | { readonly kind: "no-api" }
  | { readonly kind: "failed"; readonly failure: FailureReport };

/** Joins the referrers that every member has; 404 where hosted has no such API, so that clients try the tag schema. */
export async function referrers(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  members: readonly Upstream[],
): Promise<void> {
  const known = await Promise.all(
    members.map((member) =>
      listAt(services, exchange, member, { ...errandOf(request, member), whole: true }),
    ),
  );
  const failures = known.flatMap((one, index) => failedAttempt(members[index], one));
  const hosted = known[members.findIndex(({ kind }) => kind === "hosted")];
  if (hosted?.kind === "failed") {
    throw failureError(failures);
  }
  if (hosted?.kind === "no-api") {
    throw new RegistryError("NOT_FOUND", {
      message: "hosted has no referrers API; the referrers tag schema applies",
    });
  }
  const merged = mergeReferrers(known.map((one) => (one.kind === "listed" ? one.descriptors : [])));
  answer(services, exchange, request, merged, failures);
}

function answer(
  services: Services,
  exchange: Exchange,
  { search }: RegistryRequest,
  merged: readonly Descriptor[],
  failures: readonly Attempt[],
): void {
  const wanted = new URLSearchParams(search).getAll("artifactType");
  const headers = ["Content-Type", indexType];
  if (wanted.length > 0) {
    headers.push("OCI-Filters-Applied", "artifactType");
  }
  for (const failure of failures) {
    headers.push("Warning", warning(services.config.via, describeAttempt(failure)));
  }
  const descriptors =
    wanted.length === 0 ? merged : merged.filter(({ artifactType }) => wanted.includes(String(artifactType)));
  exchange.decision = { upstream: "router", reason: "joined from every upstream" };
  send(exchange, { status: 200, headers, body: imageIndex(descriptors) });
}

// What one member may cost in memory: indexes larger than 4 MiB need not be accepted by anybody
// (distribution-spec 1.1, "Pushing Manifests").
const longestPage = 4 * 1024 * 1024;
const mostPages = 20;

async function listAt(
  services: Services,
  exchange: Exchange,
  member: Upstream,
  first: Errand,
): Promise<Known> {
  const descriptors: Descriptor[] = [];
  let errand: Errand | undefined = first;
  for (let page = 0; errand !== undefined; page++) {
    if (page === mostPages) {
      return {
        kind: "failed",
        failure: { kind: "broken", cause: `more than ${mostPages} pages of referrers` },
      };
    }
    const said = await consult(services, exchange, member, errand);
    if (said.outcome === "failed") {
      return { kind: "failed", failure: said.failure };
    }
    if (said.outcome !== "found") {
      return knowsNone(said.body.toString()) ? { kind: "listed", descriptors: [] } : { kind: "no-api" };
    }
    const body = await readBounded(said.answer.body, longestPage, member.timeouts.idle);
    const listed = body === undefined ? undefined : readReferrers(body.toString());
    if (listed === undefined) {
      return { kind: "failed", failure: { kind: "broken", cause: "sent referrers that are no image index" } };
    }
    descriptors.push(...listed);
    const next = nextQuery(valuesOf(said.answer.headers, "link"));
    errand = next === undefined ? undefined : { ...first, search: next };
  }
  return { kind: "listed", descriptors };
}

/** A registry that has the API says in OCI's words that it does not know the repository; one without says 404 in its own. */
function knowsNone(body: string): boolean {
  return errorCodes(body).some((code) => code === "NAME_UNKNOWN" || code === "MANIFEST_UNKNOWN");
}

function failedAttempt(member: Upstream | undefined, known: Known): Attempt[] {
  return member !== undefined && known.kind === "failed"
    ? [{ member, outcome: "failed", failure: known.failure }]
    : [];
}
