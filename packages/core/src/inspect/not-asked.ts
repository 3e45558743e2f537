import type { Policy } from "../routing/policy.ts";
import type { ResolvedRule } from "../routing/ruling.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ExplainedHost, SkippedUpstream } from "./explanation.ts";
import { probe } from "./probe.ts";

/**
 * The rule without the proxies if hosted owns the repository or may own it: a proxy must not see the name then.
 * @returns also why the proxies were taken out
 * @throws ClientAborted
 */
export async function restrictedByOwner(
  { hosted }: Policy<Upstream>,
  repository: string,
  ruling: ResolvedRule<Upstream>,
  signal?: AbortSignal,
): Promise<{ readonly ruling: ResolvedRule<Upstream>; readonly reason: string | undefined }> {
  const asksProxies = ruling.pull.some(({ kind }) => kind === "proxy");
  const has = ruling.owned && asksProxies ? await isAtHosted(hosted, repository, signal) : false;
  if (has === false) {
    return { ruling, reason: undefined };
  }
  const reason = has
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
  const said = await probe(hosted, {
    asked: {
      method: "GET",
      // Without `n`: distribution 3 answers a page of a repository that it does not know with an empty one.
      path: `/v2/${repository}/tags/list`,
      search: "",
      scope: [`repository:${repository}:pull`],
    },
    limit: connect + headers,
    signal,
  });
  if (said.failure !== undefined) {
    return undefined;
  }
  return said.status === 404 ? false : said.status === 200 || undefined;
}

/** What restricted the upstreams to ask, step by step. */
export interface Steps {
  /** By the rule and each upstream's `match` alone. */
  readonly open: ResolvedRule<Upstream>;
  /** And by the host in the image's name. */
  readonly meant: ResolvedRule<Upstream>;
  readonly host: ExplainedHost | undefined;
  /** The upstreams that are asked in the end. */
  readonly asked: readonly Upstream[];
  /** Why ownership took the proxies out; undefined if it did not. */
  readonly owned: string | undefined;
}

/** Each upstream that is not asked, and why. */
export function skippedUpstreams(
  upstreams: readonly Upstream[],
  repository: string,
  steps: Steps,
): SkippedUpstream[] {
  return upstreams
    .filter((upstream) => !steps.asked.includes(upstream))
    .map((upstream) => ({
      name: upstream.name,
      kind: upstream.kind,
      reason: reasonFor(upstream, repository, steps),
    }));
}

function reasonFor(upstream: Upstream, repository: string, { open, meant, host, owned }: Steps): string {
  if (meant.pull.includes(upstream)) {
    return owned ?? "the rule excludes it";
  }
  if (open.pull.includes(upstream)) {
    return `${host?.name} is another registry`;
  }
  return upstream.serves(repository)
    ? "the rule's pull does not list it"
    : "its match does not cover the name";
}
