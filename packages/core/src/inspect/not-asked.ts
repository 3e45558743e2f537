import { longestTagPage, searchImageTag, type TagPageAnswer, unknownRepository } from "../pull/image-tags.ts";
import type { Policy } from "../routing/policy.ts";
import type { ResolvedRule } from "../routing/ruling.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ExplainedHost, SkippedUpstream } from "./explanation.ts";
import { probe, statusOf } from "./probe.ts";

/**
 * The rule without the proxies if hosted owns the repository or may own it: a proxy must not see the name then.
 * @returns also why the proxies are excluded
 * @throws ClientAborted
 */
export async function restrictedByOwner(
  { hosted }: Policy<Upstream>,
  repository: string,
  ruling: ResolvedRule<Upstream>,
  signal?: AbortSignal,
): Promise<{ readonly ruling: ResolvedRule<Upstream>; readonly reason: string | undefined }> {
  const asksProxies = ruling.pull.some(({ kind }) => kind === "proxy");
  const isOwned = ruling.owned && asksProxies ? await isAtHosted(hosted, repository, signal) : false;
  if (isOwned === false) {
    return { ruling, reason: undefined };
  }
  const reason = isOwned
    ? "the rule says owned, and hosted has the repository"
    : "the rule says owned, and hosted cannot say whether it has the repository";
  return { ruling: { ...ruling, pull: ruling.pull.filter((one) => one === hosted) }, reason };
}

/** Whether hosted has a repository; undefined if it cannot say. */
async function isAtHosted(
  hosted: Upstream,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<boolean | undefined> {
  const { connect, headers } = hosted.timeouts;
  const searched = await searchImageTag(
    async (search, isUnknown): Promise<TagPageAnswer<boolean | undefined>> => {
      const name = isUnknown ? unknownRepository : repository;
      const probed = await probe(hosted, {
        target: {
          method: "GET",
          path: `/v2/${name}/tags/list`,
          search,
          scope: [`repository:${name}:pull`],
        },
        limit: connect + headers,
        bodyLimit: longestTagPage,
        signal,
      });
      const status = statusOf(probed);
      if (probed.failure === undefined && status === 200) {
        return { page: { headers: probed.headers, body: probed.body?.toString() } };
      }
      return status === 400 ? { rejected: undefined } : { end: status === 404 ? false : undefined };
    },
  );
  return "found" in searched ? searched.found : "end" in searched ? searched.end : undefined;
}

interface Steps {
  /** The upstreams that the rule and each upstream's `match` allow. */
  readonly byRule: ResolvedRule<Upstream>;
  /** Those of them that the host in the image's name allows. */
  readonly byHost: ResolvedRule<Upstream>;
  readonly host: ExplainedHost | undefined;
  readonly asked: readonly Upstream[];
  /** Why ownership excluded the proxies; undefined if it did not. */
  readonly owned: string | undefined;
}

export function skippedUpstreams(
  upstreams: readonly Upstream[],
  repository: string,
  steps: Steps,
): SkippedUpstream[] {
  return upstreams
    .filter((upstream) => !steps.asked.includes(upstream))
    .map((upstream) => {
      const { name, kind } = upstream;
      return { name, kind, reason: reasonFor(upstream, repository, steps) };
    });
}

function reasonFor(upstream: Upstream, repository: string, { byRule, byHost, host, owned }: Steps): string {
  if (byHost.pull.includes(upstream)) {
    return owned ?? "the rule excludes it";
  }
  if (byRule.pull.includes(upstream)) {
    return `${host?.name} is another registry`;
  }
  return upstream.serves(repository)
    ? "the rule's pull does not list it"
    : "its match does not cover the name";
}
