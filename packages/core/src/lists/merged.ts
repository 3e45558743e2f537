import { namesFor } from "../authorize/authorize.ts";
import { type Decision, type Exchange, entryPointOf } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { routerDecision, sendJson } from "../http/respond.ts";
import { warning } from "../protocol/headers.ts";
import { type ListKind, mergeNames, nextLink, orderOf, parseListQuery } from "../protocol/lists.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { respondNotFound } from "../pull/answer.ts";
import { type Attempt, describeAttempt } from "../routing/outcome.ts";
import type { Policy } from "../routing/policy.ts";
import { reportOf } from "../upstream/outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { listOf, type MemberList } from "./member.ts";

/** A member's answer. */
interface MemberAnswer {
  readonly member: Upstream;
  readonly said: MemberList;
}

/**
 * Tags or catalog of all members as one list, in one order, each name once. The router keeps nothing between pages: each member is
 * asked for its names after `last`.
 */
export async function mergedList(
  policy: Policy<Upstream>,
  exchange: Exchange,
  request: RegistryRequest,
  members: readonly Upstream[],
): Promise<Decision> {
  const kind: ListKind = request.resource.kind === "catalog" ? "catalog" : "tags";
  const page = parseListQuery(request.search);
  const order = orderOf(kind);
  const heard = await Promise.all(
    members.map(async (member): Promise<MemberAnswer> => {
      const asked = { ...toUpstreamRequest(request, member, exchange), whole: true };
      const said = await listOf({
        member,
        kind,
        order,
        query: page,
        // One more, to know whether there is another page.
        wanted: page.limit + 1,
        shows: shownFrom(policy, exchange, request, member),
        ask: (search) => member.query({ ...asked, search }),
      });
      return { member, said };
    }),
  );
  const refused = refuse(exchange, request, heard);
  if (refused !== undefined) {
    return refused;
  }
  const lists = heard.flatMap(({ said }) => (said.outcome === "listed" ? [said] : []));
  const { names, more } = mergeNames(lists, order, page.limit);
  const last = names.at(-1);
  const headers = warningsOf(kind, heard);
  if (more && last !== undefined) {
    headers.push("Link", nextLink(request.path, page, last));
  }
  const value =
    kind === "catalog" ? { repositories: names } : { name: exchange.repository ?? "", tags: names };
  return sendJson(exchange, routerDecision(reasonFor(heard)), { status: 200, value, headers });
}

/** Which names of a member's catalog the client may see: those that it can and may pull from this member. */
function shownFrom(
  policy: Policy<Upstream>,
  exchange: Exchange,
  request: RegistryRequest,
  member: Upstream,
): (name: string) => boolean {
  if (request.resource.kind !== "catalog") {
    return () => true;
  }
  const entryPoint = entryPointOf(exchange, request);
  const isForUser = namesFor(policy, exchange.user) ?? (() => true);
  return (name) => isForUser(name) && policy.rulingFor(name, entryPoint).pull.includes(member);
}

/**
 * Answers if there is no list: hosted refuses the client's own credentials, or no member knows the repository.
 * @returns undefined if there is a list
 * @throws RegistryError if a member failed
 */
function refuse(
  exchange: Exchange,
  { resource }: RegistryRequest,
  heard: readonly MemberAnswer[],
): Decision | undefined {
  const hosted = heard.find(({ member }) => member.kind === "hosted");
  const isAlone = heard.length === 1;
  if (hosted?.said.outcome === "final" && (isAlone || isAboutCredentials(hosted.said.answer.status))) {
    const { answer, body } = hosted.said;
    return relayBuffered(exchange, `answered ${answer.status}`, { upstream: hosted.member, answer, body });
  }
  const attempts = heard.flatMap(attemptOf);
  const listed = heard.flatMap(({ said }) => (said.outcome === "listed" ? [said] : []));
  const doubted =
    attempts.some(({ outcome }) => outcome === "failed") && listed.every(({ isNull }) => isNull);
  if (listed.length > 0 && !doubted) {
    return undefined;
  }
  const refusal =
    hosted?.said.outcome === "not_found"
      ? { upstream: hosted.member, answer: hosted.said.answer, body: hosted.said.body }
      : undefined;
  return respondNotFound(exchange, resource.kind, { ended: "exhausted", attempts, refusal });
}

function isAboutCredentials(status: number): boolean {
  return status === 401 || status === 403;
}

/** A 404 for a catalog is worth a warning, because every registry has one. For tags it is an answer: not this repository. */
function warningsOf(kind: ListKind, heard: readonly MemberAnswer[]): string[] {
  return heard.flatMap(attemptOf).flatMap((attempt) => {
    if (attempt.outcome === "not_found" && kind === "tags") {
      return [];
    }
    const text =
      attempt.outcome === "not_found"
        ? `${attempt.member.name} gives no catalog (answered ${attempt.status})`
        : describeAttempt(attempt);
    return ["Warning", warning(text)];
  });
}

function attemptOf({ member, said }: MemberAnswer): Attempt[] {
  switch (said.outcome) {
    case "listed":
      return [];
    case "not_found":
      return [{ member, outcome: "not_found", status: said.answer.status }];
    case "failed":
      return [{ member, outcome: "failed", failure: said.failure }];
    case "final":
      return [{ member, outcome: "failed", failure: reportOf(member, said.answer) }];
  }
}

function reasonFor(heard: readonly MemberAnswer[]): string {
  const joined = heard.flatMap(({ member, said }) => (said.outcome === "listed" ? [member.name] : []));
  return [`joined from ${joined.join(", ")}`, ...heard.flatMap(attemptOf).map(describeAttempt)].join("; ");
}
