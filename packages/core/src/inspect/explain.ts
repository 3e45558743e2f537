import { compareDigests } from "../cache/shadowed-tags.ts";
import { bareHostName } from "../protocol/host.ts";
import { manifestRequest } from "../protocol/request.ts";
import { type LookupPlan, type Plan, plan } from "../routing/plan.ts";
import { defaultRule, type EntryPoint, type Policy } from "../routing/policy.ts";
import { type Principals, type ResolvedRule, ruleName } from "../routing/ruling.ts";
import type { Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { adviceOn } from "./advice.ts";
import { askForManifest, leftOut, restrictedByOwner, type Said } from "./ask-manifest.ts";
import type {
  ExplainedAccess,
  ExplainedHost,
  ExplainedPush,
  ExplainedRule,
  Explanation,
  Shadowing,
} from "./explanation.ts";
import { type ImageName, parseImageName } from "./image-name.ts";
import { type Simulated, simulateFailover } from "./simulate.ts";

/**
 * Decides on an image as for a client's request, asks whoever a pull may ask, and says what comes of it.
 * @param signal aborted when nobody waits for it any more
 * @throws ImageNameError; ClientGone
 */
export async function explain(services: Services, image: string, signal?: AbortSignal): Promise<Explanation> {
  const { policy, memory, config, upstreams } = services;
  const name = parseImageName(image);
  const { host, entryPoint } = entranceFor(policy, name);
  const known = { policy, memory, lists: config.lists, direct: policy.upstreamByHost(entryPoint) };
  const meant = policy.rulingFor(name.repository, entryPoint);
  const narrowed = await restrictedByOwner(policy, name.repository, meant, signal);
  const request = manifestRequest("GET", name.repository, name.reference, entryPoint.namespace);
  const lookup = lookupOf(plan(request, narrowed.ruling, known));
  const said = new Map(
    await Promise.all(
      lookup.order.map(
        async (upstream) => [upstream, await askForManifest(upstream, request, signal)] as const,
      ),
    ),
  );
  const rule = explainRule(services, meant);
  const pull = simulateFailover(lookup, (member) => wordOf(said, member), isOut);
  const explanation: Omit<Explanation, "advice"> = {
    image,
    repository: name.repository,
    reference: name.reference,
    ...(host !== undefined && { host }),
    rule,
    upstreams: [...said.values()].map(({ answer }) => answer),
    skipped: leftOut(upstreams, name.repository, {
      open: policy.rulingFor(name.repository, { namespace: undefined, host: undefined }),
      meant,
      host,
      asked: lookup.order,
      owned: narrowed.reason,
    }),
    pull: explainPull(pull),
    push: explainPush(plan({ ...request, method: "PUT" }, narrowed.ruling, known), rule),
    shadowing: name.reference.includes(":") ? [] : shadowingAmong([...said.values()]),
  };
  return { ...explanation, advice: adviceOn(explanation) };
}

/** A host is respected where it means something here; else it is the router's own, or the registry that an image came from. */
function entranceFor(
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

function wordOf(said: ReadonlyMap<Upstream, Said>, member: Upstream): Said["word"] {
  return (
    said.get(member)?.word ?? { outcome: "failed", failure: { kind: "circuit-open", cause: "was not asked" } }
  );
}

function isOut({ state }: Upstream): boolean {
  return state !== "closed";
}

function explainRule({ config }: Services, ruling: ResolvedRule<Upstream>): ExplainedRule {
  const { position } = ruling;
  const written = (position === undefined ? undefined : config.rules[position]) ?? defaultRule;
  const who = (named: Principals | undefined): ExplainedAccess =>
    named ?? (config.authorize === undefined ? "anonymous" : "authorize");
  return {
    name: ruleName(ruling),
    ...(position !== undefined && { position }),
    ...written,
    access: { pull: who(written.access.pull), push: who(written.access.push) },
  };
}

function explainPull({ by, status, because }: Simulated<Upstream>): Explanation["pull"] {
  return { ...(by !== undefined && { from: by.name }), status, because };
}

function explainPush(planned: Plan<Upstream>, rule: ExplainedRule): ExplainedPush {
  if (planned.action === "push") {
    return { to: planned.to.name, because: `${rule.name} says push: ${rule.push}` };
  }
  const because =
    rule.push === "deny"
      ? `${rule.name} says push: deny`
      : "the host in the image's name stands for a registry that is not pushed to";
  return { because };
}

function shadowingAmong(said: readonly Said[]): Shadowing[] {
  const having = said.flatMap(({ answer: { name, kind, outcome, digest } }) =>
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
