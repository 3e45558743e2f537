import type { Mount, RegistryRequest } from "../protocol/request.ts";
import type { Policy } from "./policy.ts";
import type { Candidate, Member, ResolvedRule } from "./ruling.ts";

/** How the lists of several registries become one answer. */
export type Lists = "first" | "hosted" | "merge";

/** What is to be done with a request, and by whom. */
export type Plan<M extends Member> =
  /** Everybody, or the one registry that the host name stands for. */
  | { readonly action: "base"; readonly direct: M | undefined }
  | { readonly action: "lookup"; readonly lookup: LookupPlan<M> }
  | ({ readonly action: "list" } & ListPlan<M>)
  | { readonly action: "merge"; readonly members: readonly M[] }
  | { readonly action: "referrers"; readonly members: readonly M[] }
  /** A request without a body, to one upstream and back. */
  | { readonly action: "pass"; readonly to: M }
  /** An upload, with its body. */
  | { readonly action: "forward"; readonly to: M; readonly ruling: ResolvedRule<M> }
  /** A manifest. */
  | { readonly action: "push"; readonly to: M; readonly ruling: ResolvedRule<M> }
  /** A blob to be taken over from another repository. */
  | { readonly action: "mount"; readonly to: M; readonly mount: Mount }
  /** Not to be done. */
  | { readonly action: "deny"; readonly ruling: ResolvedRule<M> };

/** Whom to ask, in which order. */
export interface ListPlan<M extends Member> {
  readonly order: readonly M[];
  /** Whether nobody else is asked after one that failed. */
  readonly stopsAtFailure: boolean;
}

/** The same for content. */
export interface LookupPlan<M extends Member> extends ListPlan<M> {
  /** The upstream that memory moved to the front, if it did. */
  readonly remembered: M | undefined;
}

/** Who is likely to hold a digest, as location hints tell. */
export interface HolderLookup<M extends Member> {
  holderOf(repository: string, digest: string): M | undefined;
}

/** What a plan follows from, apart from the request. */
export interface PlanContext<M extends Candidate> {
  readonly policy: Policy<M>;
  readonly holders: HolderLookup<M>;
  readonly lists: Lists;
  /** The one registry that the host name stands for, if it does. */
  readonly direct: M | undefined;
}

/**
 * The row of the route contract for a request. Pure, apart from looking up location hints.
 * @param ruling the policy's word on the repository; undefined where the request has none
 */
export function plan<M extends Candidate>(
  request: RegistryRequest,
  ruling: ResolvedRule<M> | undefined,
  known: PlanContext<M>,
): Plan<M> {
  if (ruling === undefined) {
    return request.resource.kind === "base" ? { action: "base", direct: known.direct } : planCatalog(known);
  }
  const { resource, method } = request;
  switch (resource.kind) {
    case "tags":
      return planTags(ruling, known);
    case "referrers":
      return { action: "referrers", members: hostedFirst(ruling.pull) };
    case "manifest":
    case "blob":
      return method === "GET" || method === "HEAD"
        ? { action: "lookup", lookup: planLookup(request, ruling, known.holders) }
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
  // To take names out of a list, it has to be read, and told anew page by page, even where it is one registry's.
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
 * What a tag means depends on who answers, so for tags the order is policy and nothing moves it. What a digest
 * means does not: pulls go to whoever is likely to hold it; HEAD, which pushing clients send, goes to hosted
 * first, because a cold cache answers HEAD of a blob by downloading it.
 */
function planLookup<M extends Member>(
  { method, resource }: RegistryRequest,
  { pull, onFailure }: ResolvedRule<M>,
  holders: HolderLookup<M>,
): LookupPlan<M> {
  const stopsAtFailure = onFailure === "stop";
  if (resource.kind === "manifest" && !resource.byDigest) {
    return { order: pull, remembered: undefined, stopsAtFailure };
  }
  if (method === "HEAD") {
    return { order: hostedFirst(pull), remembered: undefined, stopsAtFailure };
  }
  const remembered = recall(resource, holders);
  if (remembered === undefined || !pull.includes(remembered)) {
    return { order: pull, remembered: undefined, stopsAtFailure };
  }
  const rest = pull.filter((member) => member !== remembered);
  return { order: [remembered, ...rest], remembered, stopsAtFailure };
}

function recall<M extends Member>(
  resource: RegistryRequest["resource"],
  holders: HolderLookup<M>,
): M | undefined {
  if (resource.kind === "blob") {
    return holders.holderOf(resource.repository, resource.digest);
  }
  return resource.kind === "manifest" ? holders.holderOf(resource.repository, resource.reference) : undefined;
}

function hostedFirst<M extends Member>(order: readonly M[]): readonly M[] {
  return [...order.filter(isHosted), ...order.filter((member) => !isHosted(member))];
}

function isHosted({ kind }: Member): boolean {
  return kind === "hosted";
}
