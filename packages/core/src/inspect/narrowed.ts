import type { Policy } from "../routing/policy.ts";
import type { Ruling } from "../routing/ruling.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ExplainedHost, SkippedUpstream } from "./explanation.ts";
import { probe } from "./probe.ts";

/** Whether hosted has a repository; undefined if that cannot be told. */
async function isAtHosted(
  hosted: Upstream,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<boolean | undefined> {
  const { connect, headers } = hosted.timeouts;
  const said = await probe(hosted, {
    errand: {
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

/**
 * The ruling without the proxies where the repository is hosted's own, or may be: a proxy must not hear the name then.
 * @returns as well why they were left out
 * @throws ClientGone
 */
export async function narrowedByOwner(
  { hosted }: Policy<Upstream>,
  repository: string,
  ruling: Ruling<Upstream>,
  signal?: AbortSignal,
): Promise<{ readonly ruling: Ruling<Upstream>; readonly reason: string | undefined }> {
  const asksProxies = ruling.pull.some(({ kind }) => kind === "proxy");
  const has = ruling.owned && asksProxies ? await isAtHosted(hosted, repository, signal) : false;
  if (has === false) {
    return { ruling, reason: undefined };
  }
  const reason = has
    ? "the rule says owned, and hosted has the repository"
    : "the rule says owned, and whether hosted has the repository cannot be told";
  return { ruling: { ...ruling, pull: ruling.pull.filter((one) => one === hosted) }, reason };
}

/** What the decision was narrowed down by, step by step. */
export interface Steps {
  /** By the rule and each upstream's `match` alone. */
  readonly open: Ruling<Upstream>;
  /** And by the host in the image's name. */
  readonly meant: Ruling<Upstream>;
  readonly host: ExplainedHost | undefined;
  /** Those that are asked in the end. */
  readonly asked: readonly Upstream[];
  /** Why some were left out at last. */
  readonly owned: string | undefined;
}

/** Each upstream that is not asked, and why. */
export function leftOut(upstreams: readonly Upstream[], repository: string, steps: Steps): SkippedUpstream[] {
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
    return owned ?? "the rule leaves it out";
  }
  if (open.pull.includes(upstream)) {
    return `${host?.name} is another registry`;
  }
  return upstream.serves(repository) ? "the rule's pull leaves it out" : "its match leaves the name out";
}
