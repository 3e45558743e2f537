import type { RegistryRequest } from "../protocol/request.ts";
import type { HolderMemory } from "./holder-memory.ts";
import type { Member } from "./member.ts";

/** Everything that the order of upstreams follows from. */
export interface Policy<M extends Member> {
  readonly hosted: M;
  readonly proxies: readonly M[];
  /** The order for lookups, unless something better is known. */
  readonly pull: readonly M[];
  readonly lists: "first" | "hosted";
}

/** What is to be done with a request, and by whom. */
export type Plan<M extends Member> =
  | { readonly action: "base" }
  | { readonly action: "lookup"; readonly lookup: LookupPlan<M> }
  | { readonly action: "list"; readonly order: readonly M[] }
  | { readonly action: "referrers"; readonly members: readonly M[] }
  /** A request without a body, to one upstream and back. */
  | { readonly action: "pass"; readonly to: M }
  /** A request with a body. */
  | { readonly action: "forward"; readonly to: M };

/** Whom to ask, in which order. */
export interface LookupPlan<M extends Member> {
  readonly order: readonly M[];
  /** The upstream that memory moved to the front, if it did. */
  readonly remembered: M | undefined;
}

/** The rule for every name until rules are configured: proxies in order, then hosted. */
export function defaultPolicy<M extends Member>(
  hosted: M,
  proxies: readonly M[],
  lists: "first" | "hosted",
): Policy<M> {
  return { hosted, proxies, pull: [...proxies, hosted], lists };
}

/** The row of the route contract for a request. Pure, apart from looking into the memory. */
export function plan<M extends Member>(
  request: RegistryRequest,
  policy: Policy<M>,
  memory: HolderMemory<M>,
): Plan<M> {
  const { hosted } = policy;
  const { resource, method } = request;
  switch (resource.kind) {
    case "base":
      return { action: "base" };
    case "catalog":
      return { action: "list", order: [hosted] };
    case "tags":
      return { action: "list", order: policy.lists === "first" ? [hosted, ...policy.proxies] : [hosted] };
    case "referrers":
      return { action: "referrers", members: [hosted, ...policy.proxies] };
    case "manifest":
    case "blob":
      if (method === "GET" || method === "HEAD") {
        return { action: "lookup", lookup: planLookup(request, policy, memory) };
      }
      return { action: method === "DELETE" ? "pass" : "forward", to: hosted };
    case "uploads":
      return { action: "forward", to: hosted };
    case "upload-session":
      return { action: method === "GET" || method === "DELETE" ? "pass" : "forward", to: hosted };
  }
}

/**
 * What a tag means depends on who answers, so for tags the order is policy and nothing moves it. What a digest
 * means does not: pulls go to whoever is likely to hold it; HEAD, which pushing clients send, goes to hosted
 * first, because a cold cache answers HEAD of a blob by downloading it.
 */
function planLookup<M extends Member>(
  { method, resource }: RegistryRequest,
  policy: Policy<M>,
  memory: HolderMemory<M>,
): LookupPlan<M> {
  if (resource.kind === "manifest" && !resource.byDigest) {
    return { order: policy.pull, remembered: undefined };
  }
  if (method === "HEAD") {
    return { order: movedToFront(policy.pull, policy.hosted), remembered: undefined };
  }
  const remembered = recall(resource, memory);
  if (remembered === undefined || !policy.pull.includes(remembered)) {
    return { order: policy.pull, remembered: undefined };
  }
  return { order: movedToFront(policy.pull, remembered), remembered };
}

function recall<M extends Member>(
  resource: RegistryRequest["resource"],
  memory: HolderMemory<M>,
): M | undefined {
  if (resource.kind === "blob") {
    return memory.holderOf(resource.repository, resource.digest);
  }
  return resource.kind === "manifest" ? memory.holderOf(resource.repository, resource.reference) : undefined;
}

function movedToFront<M>(order: readonly M[], first: M): readonly M[] {
  return order.includes(first) && order[0] !== first
    ? [first, ...order.filter((member) => member !== first)]
    : order;
}
