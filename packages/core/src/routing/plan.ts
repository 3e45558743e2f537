import type { Mount, RegistryRequest, Resource } from "../protocol/request.ts";
import type { Policy } from "./policy.ts";
import type { Candidate, Member, ResolvedRule } from "./ruling.ts";

export type Lists = "first" | "hosted" | "merge";

export type Plan<M extends Member> =
  /** Ping `direct` alone, or all upstreams. */
  | { readonly action: "base"; readonly direct: M | undefined }
  | { readonly action: "lookup"; readonly lookup: LookupPlan<M> }
  | ({ readonly action: "list" } & ListPlan<M>)
  | { readonly action: "merge"; readonly members: readonly M[] }
  | { readonly action: "referrers"; readonly members: readonly M[] }
  /** Sends a request without a body, and relays the response. */
  | { readonly action: "pass"; readonly to: M }
  | { readonly action: "forward"; readonly to: M; readonly ruling: ResolvedRule<M> }
  | { readonly action: "push"; readonly to: M; readonly ruling: ResolvedRule<M> }
  | { readonly action: "mount"; readonly to: M; readonly mount: Mount }
  | { readonly action: "deny"; readonly ruling: ResolvedRule<M> };

export interface ListPlan<M extends Member> {
  readonly order: readonly M[];
  /** Whether a failure ends the list or lookup. */
  readonly stopsAtFailure: boolean;
}

export interface LookupPlan<M extends Member> extends ListPlan<M> {
  /** The upstream that a location hint moved to the front. */
  readonly hinted: M | undefined;
}

interface HolderLookup<M extends Member> {
  holderOf(repository: string, digest: string): M | undefined;
}

interface PlanContext<M extends Candidate> {
  readonly policy: Policy<M>;
  readonly holders: HolderLookup<M>;
  readonly lists: Lists;
  /** The one registry that the host name stands for. */
  readonly direct: M | undefined;
}

/**
 * The row of the route contract for a request. Pure, but for looking up location hints.
 * @param ruling undefined if the request names no repository
 */
export function plan<M extends Candidate>(
  request: RegistryRequest,
  ruling: ResolvedRule<M> | undefined,
  context: PlanContext<M>,
): Plan<M> {
  if (ruling === undefined) {
    return request.resource.kind === "base"
      ? { action: "base", direct: context.direct }
      : planCatalog(context);
  }
  const { resource, method } = request;
  switch (resource.kind) {
    case "tags":
      return planTags(ruling, context);
    case "referrers":
      return { action: "referrers", members: hostedFirst(ruling.pull) };
    case "manifest":
    case "blob":
      return method === "GET" || method === "HEAD"
        ? { action: "lookup", lookup: planLookup(method, resource, ruling, context.holders) }
        : planWrite(request, ruling);
    default:
      return planWrite(request, ruling);
  }
}

function planWrite<M extends Member>(
  { method, resource }: RegistryRequest,
  ruling: ResolvedRule<M>,
): Plan<M> {
  const { push: to } = ruling;
  if (to === undefined) {
    return { action: "deny", ruling };
  }
  if (method === "GET" || method === "DELETE") {
    return { action: "pass", to };
  }
  if (resource.kind === "uploads" && resource.mount !== undefined) {
    return { action: "mount", to, mount: resource.mount };
  }
  return { action: resource.kind === "manifest" ? "push" : "forward", to, ruling };
}

function planCatalog<M extends Candidate>({ policy, lists, direct }: PlanContext<M>): Plan<M> {
  const all = lists === "merge" ? [policy.hosted, ...policy.proxies] : [policy.hosted];
  const members = direct === undefined ? all : [direct];
  // To leave names out of a list, the router has to read it and to page it anew, even if it is one registry's.
  return members.length > 1 || policy.restrictsPulls
    ? { action: "merge", members }
    : { action: "list", order: members, stopsAtFailure: false };
}

function planTags<M extends Candidate>(
  { pull, onFailure }: ResolvedRule<M>,
  { lists, direct }: PlanContext<M>,
): Plan<M> {
  const members = hostedFirst(pull);
  if (lists === "merge" && members.length > 1) {
    return { action: "merge", members };
  }
  const hostedAlone = lists === "hosted" && direct === undefined;
  const order = hostedAlone ? members.filter(isHosted) : members;
  return { action: "list", order, stopsAtFailure: onFailure === "stop" };
}

/**
 * The meaning of a tag depends on the upstream, so nothing changes the order of the rule. A digest means the same everywhere: a
 * pull goes first to the upstream that is likely to have it. HEAD, which pushing clients send, goes first to hosted, because a cold
 * cache answers HEAD of a blob by downloading it.
 */
function planLookup<M extends Member>(
  method: string,
  resource: Extract<Resource, { kind: "manifest" | "blob" }>,
  { pull, onFailure }: ResolvedRule<M>,
  holders: HolderLookup<M>,
): LookupPlan<M> {
  const stopsAtFailure = onFailure === "stop";
  if (resource.kind === "manifest" && !resource.byDigest) {
    return { order: pull, hinted: undefined, stopsAtFailure };
  }
  if (method === "HEAD") {
    return { order: hostedFirst(pull), hinted: undefined, stopsAtFailure };
  }
  const digest = resource.kind === "manifest" ? resource.reference : resource.digest;
  const hinted = holders.holderOf(resource.repository, digest);
  if (hinted === undefined || !pull.includes(hinted)) {
    return { order: pull, hinted: undefined, stopsAtFailure };
  }
  const rest = pull.filter((member) => member !== hinted);
  return { order: [hinted, ...rest], hinted, stopsAtFailure };
}

function hostedFirst<M extends Member>(order: readonly M[]): readonly M[] {
  return [...order.filter(isHosted), ...order.filter((member) => !isHosted(member))];
}

function isHosted({ kind }: Member): boolean {
  return kind === "hosted";
}
