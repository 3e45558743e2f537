import type { Exchange } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { send } from "../http/respond.ts";
import { RegistryError } from "../protocol/errors.ts";
import { warning } from "../protocol/headers.ts";
import { indexType, longestManifest } from "../protocol/manifest.ts";
import { imageIndex, mergeReferrers, ofTypes, wantedTypes } from "../protocol/referrers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errorFromAttempts } from "../pull/answer.ts";
import { type Attempt, describeAttempt } from "../routing/outcome.ts";
import type { Services } from "../services.ts";
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
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  members: readonly Upstream[],
): Promise<void> {
  const { resource, namespace } = request;
  if (resource.kind !== "referrers") {
    throw new RegistryError("NOT_FOUND");
  }
  const { repository, digest: subject } = resource;
  const words = await Promise.all(
    members.map(async (member) => {
      const place = { member, repository, subject, namespace };
      return { member, known: await listAt(services, exchange, place, request) };
    }),
  );
  for (const { member, known } of words) {
    if (known.kind === "refused") {
      exchange.decision = { upstream: member.name, reason: `answered ${known.said.answer.status}` };
      relayBuffered(exchange, member, known.said);
      return;
    }
  }
  const failures = words.flatMap(failedAttempt);
  if (failures.some(({ member }) => member.kind === "hosted") || isAll(failures, members)) {
    throw errorFromAttempts(failures);
  }
  answer(exchange, request, words);
}

async function listAt(
  services: Services,
  exchange: Exchange,
  place: SubjectLocation,
  request: RegistryRequest,
): Promise<TaggedReferrers> {
  const { referrersSupport } = services;
  const { member } = place;
  if (referrersSupport.has(member) !== false) {
    const told = await listByApi(services, exchange, member, request);
    if (told.kind !== "no-api") {
      return told;
    }
    if (told.certain) {
      referrersSupport.learn(member, false);
    }
  }
  return listUnderTag(services, exchange, place);
}

function answer(exchange: Exchange, { search }: RegistryRequest, words: readonly MemberReferrers[]): void {
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
  exchange.decision = {
    upstream: "router",
    reason: from === "" ? "no upstream may be asked" : `joined from ${from}`,
  };
  send(exchange, { status: 200, headers, body: imageIndex(descriptors) });
}

function failedAttempt({ member, known }: MemberReferrers): Attempt[] {
  return known.kind === "failed" ? [{ member, outcome: "failed", failure: known.failure }] : [];
}

function isAll(failures: readonly Attempt[], members: readonly Upstream[]): boolean {
  return members.length > 0 && failures.length === members.length;
}
