import { compareDigests, otherSideOf, type ShadowedTag, type Tagged } from "../cache/shadowed-tags.ts";
import type { Exchange } from "../http/exchange.ts";
import { valuesOf } from "../protocol/headers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { FailoverResult } from "../pull/failover.ts";
import { ruleName } from "../routing/ruling.ts";
import type { Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { digestIn, tagDigestAt } from "./tag-digest.ts";

// More than any client would wait, and little enough that a cache which hangs is not asked a lot of things at a time.
const timeout = 10_000;

/**
 * After a manifest was served by its tag: finds out in the background, now and then, whether the other side has that tag with
 * another digest. Those that said in the same lookup that they have not got it are not asked again.
 * @param members whom the lookup could ask
 */
export function checkPulled(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  members: readonly Upstream[],
  { upstream: holder, said, attempts }: Extract<FailoverResult, { ended: "answered" }>,
): void {
  const { resource } = request;
  if (resource.kind !== "manifest" || resource.byDigest) {
    return;
  }
  const { repository, reference: tag } = resource;
  // Most have been checked lately, and nothing need be found out for them.
  const digest = services.shadows.mayBegin(repository, tag) ? digestIn(said.answer) : undefined;
  if (digest === undefined) {
    return;
  }
  const others = otherSideOf(holder, members, services.policy.ruleOn(repository)).filter(
    (upstream) =>
      upstream.state === "closed" &&
      // It judges clients by their own credentials, and those are theirs.
      !upstream.passthrough &&
      !attempts.some(({ member }) => member === upstream),
  );
  if (others.length === 0 || services.ended.signal.aborted || !services.shadows.begin(repository, tag)) {
    return;
  }
  const accept = valuesOf(exchange.request.rawHeaders, "accept");
  void compare(services, request, { member: holder, digest }, others, accept)
    // A host application's logger that throws: nobody is left to be told.
    .catch(() => undefined)
    .finally(() => services.shadows.end());
}

async function compare(
  services: Services,
  request: RegistryRequest,
  known: Tagged,
  others: readonly Upstream[],
  accept: readonly string[],
): Promise<void> {
  for (const member of others) {
    const signals = [services.ended.signal];
    const said = await tagDigestAt(services, member, request, { accept, timeout, signals });
    if (said.outcome === "found") {
      reportIfShadowed(services, request, known, { member, digest: said.digest });
    }
  }
}

/** Counts and logs, once, a tag that the two have with different digests. */
export function reportIfShadowed(
  services: Services,
  { resource }: RegistryRequest,
  one: Tagged,
  other: Tagged,
): void {
  if (resource.kind !== "manifest" || compareDigests(one.digest, other.digest) !== "different") {
    return;
  }
  const [hosted, proxy] = one.member.kind === "hosted" ? [one, other] : [other, one];
  report(services, { repository: resource.repository, tag: resource.reference, hosted, proxy });
}

function report({ shadows, metrics, config, policy }: Services, found: ShadowedTag): void {
  if (!shadows.isNews(found)) {
    return;
  }
  const { repository, tag, hosted, proxy } = found;
  metrics.shadowedTags.inc({ upstream: proxy.member.name });
  config.logger?.warn(
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
