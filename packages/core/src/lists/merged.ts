import { namesFor } from "../authorize/authorize.ts";
import { type Decision, type Exchange, entryPointOf } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { routerDecision, sendJson } from "../http/respond.ts";
import { warning } from "../protocol/headers.ts";
import { type ListKind, mergeNames, nextLink, orderOf, parseListQuery } from "../protocol/lists.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { respondNotFound } from "../pull/respond.ts";
import { type Attempt, describeAttempt } from "../routing/classify.ts";
import type { Policy } from "../routing/policy.ts";
import { reportOf } from "../upstream/query-outcome.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { listOf, type MemberList } from "./member.ts";

interface MemberAnswer {
  readonly member: Upstream;
  readonly list: MemberList;
}

/**
 * Tags or catalog of all members as one list in one order, each name once. The router keeps no state between pages: each member is
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
  const answers = await Promise.all(
    members.map(async (member): Promise<MemberAnswer> => {
      const query = { ...toUpstreamRequest(request, member, exchange), whole: true };
      const list = await listOf({
        member,
        kind,
        order,
        query: page,
        // One more, to know whether there is another page.
        wanted: page.limit + 1,
        shows: shownFrom(policy, exchange, request, member),
        send: (search) => member.query({ ...query, search }),
      });
      return { member, list };
    }),
  );
  const lists = answers.flatMap(({ list }) => (list.outcome === "listed" ? [list] : []));
  const attempts = answers.flatMap(attemptOf);
  const failed = attempts.some(({ outcome }) => outcome === "failed");
  const hosted = answers.find(({ member }) => member.kind === "hosted");
  if (hosted?.list.outcome === "final") {
    const { answer, body } = hosted.list;
    if (members.length === 1 || answer.status === 401 || answer.status === 403) {
      return relayBuffered(exchange, `answered ${answer.status}`, { upstream: hosted.member, answer, body });
    }
  }
  // While a member fails, an empty list of the others is no proof that the repository has no tags.
  if (lists.length === 0 || (failed && lists.every(({ isEmpty }) => isEmpty))) {
    const refusal =
      hosted?.list.outcome === "not_found"
        ? { upstream: hosted.member, answer: hosted.list.answer, body: hosted.list.body }
        : undefined;
    return respondNotFound(exchange, request.resource.kind, { ended: "exhausted", attempts, refusal });
  }
  const { names, more } = mergeNames(lists, order, page.limit);
  const last = names.at(-1);
  const headers = warningsOf(kind, attempts);
  if (more && last !== undefined) {
    headers.push("Link", nextLink(request.path, page, last));
  }
  const listed = answers.flatMap(({ list, member }) => (list.outcome === "listed" ? [member.name] : []));
  const reason = [`joined from ${listed.join(", ")}`, ...attempts.map(describeAttempt)].join("; ");
  const value =
    kind === "catalog" ? { repositories: names } : { name: exchange.repository ?? "", tags: names };
  return sendJson(exchange, routerDecision(reason), { status: 200, value, headers });
}

/** Shows the names of a member's catalog that the client can and may pull from this member. */
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

/** A 404 for a catalog is worth a warning, because every registry has one. For tags it says only that the repository is unknown. */
function warningsOf(kind: ListKind, attempts: readonly Attempt[]): string[] {
  return attempts.flatMap((attempt) => {
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

function attemptOf({ member, list }: MemberAnswer): Attempt[] {
  switch (list.outcome) {
    case "listed":
      return [];
    case "not_found":
      return [{ member, outcome: "not_found", status: list.answer.status }];
    case "failed":
      return [{ member, outcome: "failed", failure: list.failure }];
    case "final":
      return [{ member, outcome: "failed", failure: reportOf(member, list.answer) }];
  }
}
