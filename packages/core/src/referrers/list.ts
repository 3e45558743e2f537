import type { ReferrersSupport } from "../cache/referrers-support.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { routerDecision, send } from "../http/respond.ts";
import { RegistryError } from "../protocol/errors.ts";
import { warning } from "../protocol/headers.ts";
import { indexType, longestManifest } from "../protocol/manifest.ts";
import { imageIndex, mergeReferrers, ofTypes, wantedTypes } from "../protocol/referrers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errorFromAttempts } from "../pull/respond.ts";
import { type Attempt, describeAttempt } from "../routing/classify.ts";
import { broken } from "../upstream/query-outcome.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { listByApi } from "./api.ts";
import { listUnderTag, type MemberReferrers, type SubjectLocation } from "./tag-schema.ts";

interface MemberAnswer {
  readonly member: Upstream;
  readonly list: MemberReferrers;
}

/**
 * Merges the referrers of all members, which each has in its API or under the `sha256-...` tag. No referrers at all are an empty
 * index, never 404 (distribution-spec 1.1, "Listing Referrers"). A list without hosted's must not look like an image without
 * signatures.
 * @throws RegistryError if hosted failed, or all members
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
  const answers = await Promise.all(
    members.map(async (member) => {
      const location = { member, repository, subject, namespace };
      return { member, list: await listAt(support, exchange, location, request) };
    }),
  );
  for (const { member, list } of answers) {
    if (list.outcome === "final") {
      const { answer, body } = list;
      return relayBuffered(exchange, `answered ${answer.status}`, { upstream: member, answer, body });
    }
  }
  const failures = answers.flatMap(failedAttempt);
  const allFailed = members.length > 0 && failures.length === members.length;
  if (allFailed || failures.some(({ member }) => member.kind === "hosted")) {
    throw errorFromAttempts(failures);
  }
  return respond(exchange, request, answers);
}

async function listAt(
  support: ReferrersSupport<Upstream>,
  exchange: Exchange,
  location: SubjectLocation,
  request: RegistryRequest,
): Promise<MemberReferrers> {
  const { member } = location;
  if (support.has(member) !== false) {
    const list = await listByApi(support, exchange, member, request);
    if (list.outcome !== "no-api") {
      return list;
    }
    if (list.certain) {
      support.learn(member, false);
    }
  }
  const list = await listUnderTag(exchange, location);
  return list.outcome === "listed"
    ? { ...list, descriptors: ofTypes(list.descriptors, wantedTypes(request.search)) }
    : list;
}

function respond(
  exchange: Exchange,
  { search }: RegistryRequest,
  answers: readonly MemberAnswer[],
): Decision {
  const wanted = wantedTypes(search);
  const lists = answers.map(({ list }) => (list.outcome === "listed" ? list.descriptors : []));
  const { descriptors, leftOut } = mergeReferrers(lists, longestManifest);
  const tooLong = leftOut.flatMap((index) => {
    const member = answers[index]?.member;
    const list = broken("has more referrers than fit into an index of 4 MiB; ask for one artifactType");
    return member === undefined ? [] : failedAttempt({ member, list });
  });
  const headers = ["Content-Type", indexType];
  if (wanted.length > 0) {
    headers.push("OCI-Filters-Applied", "artifactType");
  }
  for (const failure of [...answers.flatMap(failedAttempt), ...tooLong]) {
    headers.push("Warning", warning(describeAttempt(failure)));
  }
  const from = answers.map(({ member }) => member.name).join(", ");
  const decision = routerDecision(from === "" ? "no upstream may be asked" : `joined from ${from}`);
  return send(exchange, decision, { status: 200, headers, body: imageIndex(descriptors) });
}

function failedAttempt({ member, list }: MemberAnswer): Attempt[] {
  return list.outcome === "failed" ? [{ member, ...list }] : [];
}
