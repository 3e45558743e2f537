import {
  compareDigests,
  otherSideOf,
  type ShadowedTag,
  type ShadowLog,
  type Tagged,
} from "../cache/shadowed-tags.ts";
import type { Logger } from "../config/options.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Metrics } from "../observe/metrics.ts";
import { valuesOf } from "../protocol/headers.ts";
import type { RegistryRequest, Resource } from "../protocol/request.ts";
import type { FailoverResult } from "../pull/failover.ts";
import type { Policy } from "../routing/policy.ts";
import { ruleName } from "../routing/ruling.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { digestIn, tagDigestAt } from "./tag-digest.ts";

// More than any client would wait, and little enough that a cache which hangs is not asked a lot of things at a time.
const timeout = 10_000;

/** What checks for shadowed tags go by. */
export interface ShadowContext {
  /** Which tags were checked lately, and what was found. It outlasts configurations. */
  readonly log: ShadowLog;
  readonly policy: Policy<Upstream>;
  readonly metrics: Metrics;
  readonly logger: Logger | undefined;
  /** Aborted when no new request goes by this configuration: what goes on behind answered ones is given up then. */
  readonly ended: AbortSignal;
}

/** A manifest that was asked for by its tag. */
export interface PulledTag {
  readonly request: RegistryRequest;
  readonly resource: Extract<Resource, { kind: "manifest" }>;
  /** Whom the lookup could ask. */
  readonly members: readonly Upstream[];
}

/**
 * After a manifest was served by its tag: finds out in the background, now and then, whether the other side has that tag with
 * another digest. Those that said in the same lookup that they have not got it are not asked again.
 */
export function checkPulled(
  context: ShadowContext,
  exchange: Exchange,
  { request, resource: { repository, reference: tag }, members }: PulledTag,
  { upstream: holder, said, attempts }: Extract<FailoverResult, { ended: "answered" }>,
): void {
  // Most have been checked lately, and nothing need be found out for them.
  const digest = context.log.mayBegin(repository, tag) ? digestIn(said.answer) : undefined;
  if (digest === undefined) {
    return;
  }
  const others = otherSideOf(holder, members, context.policy.ruleOn(repository)).filter(
    (upstream) =>
      upstream.state === "closed" &&
      // It judges clients by their own credentials, and those are theirs.
      !upstream.passthrough &&
      !attempts.some(({ member }) => member === upstream),
  );
  if (others.length === 0 || context.ended.aborted || !context.log.begin(repository, tag)) {
    return;
  }
  const accept = valuesOf(exchange.request.rawHeaders, "accept");
  void compare(context, request, { member: holder, digest }, others, accept)
    // A host application's logger that throws: nobody is left to be told.
    .catch(() => undefined)
    .finally(() => context.log.end());
}

async function compare(
  context: ShadowContext,
  request: RegistryRequest,
  known: Tagged,
  others: readonly Upstream[],
  accept: readonly string[],
): Promise<void> {
  for (const member of others) {
    const signals = [context.ended];
    const said = await tagDigestAt(member, request, { accept, timeout, signals });
    if (said.outcome === "found") {
      reportIfShadowed(context, request, known, { member, digest: said.digest });
    }
  }
}

/** Counts and logs, once, a tag that the two have with different digests. */
export function reportIfShadowed(
  context: ShadowContext,
  { resource }: RegistryRequest,
  one: Tagged,
  other: Tagged,
): void {
  if (resource.kind !== "manifest" || compareDigests(one.digest, other.digest) !== "different") {
    return;
  }
  const [hosted, proxy] = one.member.kind === "hosted" ? [one, other] : [other, one];
  report(context, { repository: resource.repository, tag: resource.reference, hosted, proxy });
}

function report({ log, metrics, logger, policy }: ShadowContext, found: ShadowedTag): void {
  if (!log.isNews(found)) {
    return;
  }
  const { repository, tag, hosted, proxy } = found;
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
