import { compareDigests, otherSideOf, type ShadowLog, type Tagged } from "../cache/shadowed-tags.ts";
import type { Logger } from "../config/options.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Metrics } from "../observe/metrics.ts";
import { valuesOf } from "../protocol/headers.ts";
import type { RegistryRequest, Resource } from "../protocol/request.ts";
import type { FailoverResult } from "../pull/failover.ts";
import type { Policy } from "../routing/policy.ts";
import { ruleName } from "../routing/ruling.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { digestIn, type TagQuery, tagDigestAt } from "./tag-digest.ts";

// Milliseconds: longer than any client would wait, and short enough that a hanging cache is not sent many checks at once.
const timeout = 10_000;

export interface ShadowContext {
  /** Recent checks and findings; kept across reloads. */
  readonly log: ShadowLog;
  readonly policy: Policy<Upstream>;
  readonly metrics: Metrics;
  readonly logger: Logger | undefined;
  /** Aborted when no new request uses this configuration. Checks in the background end then. */
  readonly ended: AbortSignal;
}

interface PulledTag {
  readonly request: RegistryRequest;
  readonly resource: Extract<Resource, { kind: "manifest" }>;
  readonly members: readonly Upstream[];
}

/**
 * After a manifest was served by its tag: checks in the background, from time to time, whether the other side has that tag with
 * another digest. Upstreams that answered "not found" in the same lookup are not asked again.
 */
export function checkPulled(
  context: ShadowContext,
  exchange: Exchange,
  { request, resource: { repository, reference: tag }, members }: PulledTag,
  { upstream: holder, said, attempts }: Extract<FailoverResult, { ended: "answered" }>,
): void {
  const { log, policy, ended } = context;
  // Most tags were checked lately.
  const digest = log.mayBegin(repository, tag) ? digestIn(said.answer) : undefined;
  if (digest === undefined) {
    return;
  }
  const others = otherSideOf(holder, members, policy.ruleOn(repository)).filter(
    (upstream) =>
      upstream.state === "closed" &&
      // It judges clients by their own credentials, which the router must not use for its own requests.
      !upstream.passthrough &&
      !attempts.some(({ member }) => member === upstream),
  );
  if (others.length === 0 || ended.aborted || !log.begin(repository, tag)) {
    return;
  }
  const accept = valuesOf(exchange.request.rawHeaders, "accept");
  void compare(context, request, { member: holder, digest }, others, { accept, timeout, signals: [ended] })
    // A logger of the host application may throw, and no caller is left.
    .catch(() => undefined)
    .finally(() => log.end());
}

async function compare(
  context: ShadowContext,
  request: RegistryRequest,
  pulled: Tagged,
  others: readonly Upstream[],
  query: TagQuery,
): Promise<void> {
  for (const member of others) {
    const result = await tagDigestAt(member, request, query);
    if (result.outcome === "found") {
      reportIfShadowed(context, request, pulled, { member, digest: result.digest });
    }
  }
}

/** Counts and logs, once, a tag that two upstreams have with different digests. */
export function reportIfShadowed(
  { log, metrics, logger, policy }: ShadowContext,
  { resource }: RegistryRequest,
  one: Tagged,
  other: Tagged,
): void {
  if (resource.kind !== "manifest" || compareDigests(one.digest, other.digest) !== "different") {
    return;
  }
  const { repository, reference: tag } = resource;
  const [hosted, proxy] = one.member.kind === "hosted" ? [one, other] : [other, one];
  if (!log.isNews({ repository, tag, hosted, proxy })) {
    return;
  }
  metrics.shadowedTags.inc({ upstream: proxy.member.name });
  logger?.warn(
    {
      repository,
      tag,
      hosted: { upstream: hosted.member.name, digest: hosted.digest },
      proxy: { upstream: proxy.member.name, digest: proxy.digest },
      rule: ruleName(policy.ruleOn(repository)),
    },
    "hosted and a proxy have the same tag with different digests",
  );
}
