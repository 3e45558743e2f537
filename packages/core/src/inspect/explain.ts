import { compareDigests } from "../cache/shadowed-tags.ts";
import { bareHostName } from "../protocol/address.ts";
import { manifestRequest } from "../protocol/request.ts";
import type { RouterContext } from "../router-context.ts";
import { type LookupPlan, type Plan, plan } from "../routing/plan.ts";
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
import { type ImageName, parseImageName } from "./image-name.ts";
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
  const {
    policy,
    memory: { holders },
    config,
    upstreams,
  } = context;
  const name = parseImageName(image);
  const { host, entryPoint } = entryPointFor(policy, name);
  const planContext = { policy, holders, lists: config.lists, direct: policy.upstreamByHost(entryPoint) };
  const meant = policy.rulingFor(name.repository, entryPoint);
  const restricted = await restrictedByOwner(policy, name.repository, meant, signal);
  const request = manifestRequest("GET", name.repository, name.reference, entryPoint.namespace);
  const lookup = lookupOf(plan(request, restricted.ruling, planContext));
  const records = new Map(
    await Promise.all(
      lookup.order.map(
        async (upstream) => [upstream, await probeManifest(upstream, request, signal)] as const,
      ),
    ),
  );
  const answers = [...records.values()].map(({ answer }) => answer);
  const rule = explainRule(context, meant);
  const explanation: Omit<Explanation, "advice"> = {
    image,
    repository: name.repository,
    reference: name.reference,
    ...(host !== undefined && { host }),
    rule,
    upstreams: answers,
    skipped: skippedUpstreams(upstreams, name.repository, {
      open: policy.rulingFor(name.repository, { namespace: undefined, host: undefined }),
      meant,
      host,
      asked: lookup.order,
      owned: restricted.reason,
    }),
    pull: await predictPull(lookup, records),
    push: explainPush(plan({ ...request, method: "PUT" }, restricted.ruling, planContext), rule),
    shadowing: name.reference.includes(":") ? [] : shadowingAmong(answers),
  };
  return { ...explanation, advice: adviceOn(explanation) };
}

/** A host that is no upstream's is ignored: it is the router's own, or the registry that an image came from. */
function entryPointFor(
  policy: Policy<Upstream>,
  { host }: ImageName,
): { host: ExplainedHost | undefined; entryPoint: EntryPoint } {
  if (host === undefined) {
    return { host, entryPoint: { namespace: undefined, host: undefined } };
  }
  const bare = bareHostName(host);
  if (policy.upstreamByHost({ namespace: undefined, host: bare }) !== undefined) {
    return { host: { name: host, means: "hosts" }, entryPoint: { namespace: undefined, host: bare } };
  }
  if (policy.proxies.some(({ namespace }) => namespace === host)) {
    return { host: { name: host, means: "namespace" }, entryPoint: { namespace: host, host: undefined } };
  }
  return { host: { name: host, means: "nothing" }, entryPoint: { namespace: undefined, host: undefined } };
}

function lookupOf(planned: Plan<Upstream>): LookupPlan<Upstream> {
  return planned.action === "lookup"
    ? planned.lookup
    : { order: [], remembered: undefined, stopsAtFailure: false };
}

function explainRule({ config }: RouterContext, ruling: ResolvedRule<Upstream>): ExplainedRule {
  const { position } = ruling;
  const rule = (position === undefined ? undefined : config.rules[position]) ?? defaultRule;
  const who = (named: Principals | undefined): ExplainedAccess =>
    named ?? (config.authorize === undefined ? "anonymous" : "authorize");
  return {
    name: ruleName(ruling),
    ...(position !== undefined && { position }),
    ...rule,
    access: { pull: who(rule.access.pull), push: who(rule.access.push) },
  };
}

function explainPush(planned: Plan<Upstream>, rule: ExplainedRule): ExplainedPush {
  if (planned.action === "push") {
    return { to: planned.to.name, because: `${rule.name} says push: ${rule.push}` };
  }
  const because =
    rule.push === "deny"
      ? `${rule.name} says push: deny`
      : "the host in the image's name selects a registry that takes no pushes";
  return { because };
}

function shadowingAmong(answers: readonly UpstreamAnswer[]): Shadowing[] {
  const having = answers.flatMap(({ name, kind, outcome, digest }) =>
    outcome === "found" && digest !== undefined ? [{ name, kind, digest }] : [],
  );
  const hosted = having.find(({ kind }) => kind === "hosted");
  if (hosted === undefined) {
    return [];
  }
  return having
    .filter(({ kind, digest }) => kind === "proxy" && compareDigests(digest, hosted.digest) === "different")
    .map(({ name, digest }) => ({
      hosted: { name: hosted.name, digest: hosted.digest },
      proxy: { name, digest },
    }));
}
