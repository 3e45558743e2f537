import type { ReferrersSupport } from "../cache/referrers-support.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { routerDecision, send } from "../http/respond.ts";
import { RegistryError } from "../protocol/errors.ts";
import { warning } from "../protocol/headers.ts";
import { indexType, longestManifest } from "../protocol/manifest.ts";
import { imageIndex, mergeReferrers, ofTypes, wantedTypes } from "../protocol/referrers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errorFromAttempts } from "../pull/answer.ts";
import { type Attempt, describeAttempt } from "../routing/outcome.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { listByApi } from "./api.ts";
import { broken, listUnderTag, type SubjectLocation, type TaggedReferrers } from "./tag-schema.ts";

/** What a member knows. */
interface MemberReferrers {
  readonly member: Upstream;
  readonly known: TaggedReferrers;
}

/**
 * Joins the referrers that every member has, by its API or under the `sha256-...` tag. Nobody having any is an empty index,
 * never 404 (distribution-spec 1.1, "Listing Referrers"). A list without hosted's must not pass for one without signatures.
 * @throws RegistryError if hosted failed, or everybody
 */
export async function referrers(
  support: ReferrersSupport<Upstream>,
  exchange: Exchange,
  request: RegistryRequest,
  members: readonly Upstream[],
): Promise<Decision> {
  const { resource, namespace } = request;
  if (resource.kind !== "referrers") {
    throw new RegistryError("NOT_FOUND");
  }
  const { repository, digest: subject } = resource;
  const words = await Promise.all(
    members.map(async (member) => {
      const place = { member, repository, subject, namespace };
      return { member, known: await listAt(support, exchange, place, request) };
    }),
  );
  for (const { member, known } of words) {
    if (known.kind === "refused") {
      const { answer, body } = known.said;
      return relayBuffered(exchange, `answered ${answer.status}`, { upstream: member, answer, body });
    }
  }
  const failures = words.flatMap(failedAttempt);
  if (failures.some(({ member }) => member.kind === "hosted") || isAll(failures, members)) {
    throw errorFromAttempts(failures);
  }
  return respond(exchange, request, words);
}

async function listAt(
  support: ReferrersSupport<Upstream>,
  exchange: Exchange,
  place: SubjectLocation,
  request: RegistryRequest,
): Promise<TaggedReferrers> {
  const { member } = place;
  if (support.has(member) !== false) {
    const told = await listByApi(support, exchange, member, request);
    if (told.kind !== "no-api") {
      return told;
    }
    if (told.certain) {
      support.learn(member, false);
    }
  }
  return listUnderTag(exchange, place);
}

function respond(
  exchange: Exchange,
  { search }: RegistryRequest,
  words: readonly MemberReferrers[],
): Decision {
  const wanted = wantedTypes(search);
  const lists = words.map(({ known }) => (known.kind === "listed" ? ofTypes(known.descriptors, wanted) : []));
  const { descriptors, leftOut } = mergeReferrers(lists, longestManifest);
  const tooLong = leftOut.flatMap((place) => {
    const member = words[place]?.member;
    const known = broken("has more referrers than fit into an index of 4 MiB; ask for one artifactType");
    return member === undefined ? [] : failedAttempt({ member, known });
  });
  const headers = ["Content-Type", indexType];
  if (wanted.length > 0) {
    headers.push("OCI-Filters-Applied", "artifactType");
  }
  for (const failure of [...words.flatMap(failedAttempt), ...tooLong]) {
    headers.push("Warning", warning(describeAttempt(failure)));
  }
  const from = words.map(({ member }) => member.name).join(", ");
  const decision = routerDecision(from === "" ? "no upstream may be asked" : `joined from ${from}`);
  return send(exchange, decision, { status: 200, headers, body: imageIndex(descriptors) });
}

function failedAttempt({ member, known }: MemberReferrers): Attempt[] {
  return known.kind === "failed" ? [{ member, outcome: "failed", failure: known.failure }] : [];
}

function isAll(failures: readonly Attempt[], members: readonly Upstream[]): boolean {
  return members.length > 0 && failures.length === members.length;
}
