import { compareDigests } from "../cache/shadowed-tags.ts";
import { bareHostName } from "../protocol/address.ts";
import { manifestRequest } from "../protocol/request.ts";
import type { RouterContext } from "../router-context.ts";
import { endsAfterFailureOf, type LookupPlan, type Plan, plan } from "../routing/plan.ts";
import { defaultRule, type EntryPoint, type Policy } from "../routing/policy.ts";
import { type Principals, type ResolvedRule, ruleName } from "../routing/ruling.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { adviceOn } from "./advice.ts";
import type {
  ExplainedAccess,
  ExplainedHost,
  ExplainedPush,
  ExplainedRule,
  Explanation,
  Shadowing,
  UpstreamAnswer,
} from "./explanation.ts";
import { parseImageName } from "./image-name.ts";
import { restrictedByOwner, skippedUpstreams } from "./not-asked.ts";
import { predictPull } from "./predict-pull.ts";
import { probeManifest } from "./probe-manifest.ts";

/**
 * Decides on an image as for a client's request, asks every upstream that a pull may ask, and says what a pull and a push get.
 * @param signal aborted when the client no longer waits
 * @throws ImageNameError; ClientAborted
 */
export async function explain(
  context: RouterContext,
  image: string,
  signal?: AbortSignal,
): Promise<Explanation> {
  const { policy, memory, config, upstreams } = context;
  const { repository, reference, host: givenHost } = parseImageName(image);
  const { host, entryPoint } = entryPointFor(policy, givenHost);
  const direct = policy.upstreamByHost(entryPoint);
  const planContext = {
    policy,
    holders: memory.holders,
    lists: config.lists,
    direct,
    headPurpose: "pull",
  } as const;
  const byHost = policy.rulingFor(repository, entryPoint);
  const restricted = await restrictedByOwner(policy, repository, byHost, signal);
  const request = manifestRequest("GET", repository, reference, entryPoint.namespace);
  const lookup = lookupOf(plan(request, restricted.ruling, planContext));
  const records = new Map(
    await Promise.all(
      lookup.order.map(
        async (upstream) => [upstream, await probeManifest(upstream, request, signal)] as const,
      ),
    ),
  );
  const answers = [...records.values()].map(({ answer }) => answer);
  const rule = explainRule(context, byHost);
  const explanation: Omit<Explanation, "advice"> = {
    image,
    repository,
    reference,
    ...(host !== undefined && { host }),
    rule,
    upstreams: answers,
    skipped: skippedUpstreams(upstreams, repository, {
      byRule: policy.rulingFor(repository, noEntryPoint),
      byHost,
      host,
      asked: lookup.order,
      owned: restricted.reason,
    }),
    pull: await predictPull(lookup, records),
    stopsAfterFailureOf: stoppersOf(lookup),
    push: explainPush(plan({ ...request, method: "PUT" }, restricted.ruling, planContext), rule),
    shadowing: reference.includes(":") ? [] : shadowingAmong(answers),
  };
  return { ...explanation, advice: adviceOn(explanation) };
}

const noEntryPoint: EntryPoint = { namespace: undefined, host: undefined };

/** A host that is no upstream's is ignored: it is the router's own, or the registry that an image came from. */
function entryPointFor(
  policy: Policy<Upstream>,
  host: string | undefined,
): { host: ExplainedHost | undefined; entryPoint: EntryPoint } {
  if (host === undefined) {
    return { host, entryPoint: noEntryPoint };
  }
  const bare = bareHostName(host);
  if (policy.upstreamByHost({ namespace: undefined, host: bare }) !== undefined) {
    return { host: { name: host, means: "hosts" }, entryPoint: { namespace: undefined, host: bare } };
  }
  if (policy.proxies.some(({ namespace }) => namespace === host)) {
    return { host: { name: host, means: "namespace" }, entryPoint: { namespace: host, host: undefined } };
  }
  return { host: { name: host, means: "nothing" }, entryPoint: noEntryPoint };
}

function lookupOf(planned: Plan<Upstream>): LookupPlan<Upstream> {
  return planned.action === "lookup"
    ? planned.lookup
    : { order: [], hinted: undefined, stopsAfter: "none", excusesProxies: false };
}

/** The failure of the last one in order ends any lookup. */
function stoppersOf(lookup: LookupPlan<Upstream>): string[] {
  return lookup.order
    .slice(0, -1)
    .filter((upstream) => endsAfterFailureOf(upstream, lookup))
    .map(({ name }) => name);
}

function explainRule({ config }: RouterContext, ruling: ResolvedRule<Upstream>): ExplainedRule {
  const { position } = ruling;
  const { onFailure, ...rule } = (position === undefined ? undefined : config.rules[position]) ?? defaultRule;
  const who = (named: Principals | undefined): ExplainedAccess =>
    named ?? (config.authorize === undefined ? "anonymous" : "authorize");
  return {
    name: ruleName(ruling),
    ...(position !== undefined && { position }),
    ...rule,
    ...(onFailure !== undefined && { onFailure }),
    access: { pull: who(rule.access.pull), push: who(rule.access.push) },
  };
}

function explainPush(planned: Plan<Upstream>, rule: ExplainedRule): ExplainedPush {
  const because = `${rule.name} says push: ${rule.push}`;
  if (planned.action === "push") {
    return { to: planned.to.name, because };
  }
  return rule.push === "deny"
    ? { because }
    : { because: "the host in the image's name selects a registry that takes no pushes" };
}

function shadowingAmong(answers: readonly UpstreamAnswer[]): Shadowing[] {
  const imagesOn = (side: UpstreamAnswer["kind"]) =>
    answers.flatMap(({ name, kind, digest }) =>
      kind === side && digest !== undefined ? [{ name, digest }] : [],
    );
  const [hosted] = imagesOn("hosted");
  if (hosted === undefined) {
    return [];
  }
  return imagesOn("proxy")
    .filter(({ digest }) => compareDigests(digest, hosted.digest) === "different")
    .map((proxy) => ({ hosted, proxy }));
}
