import { base } from "./endpoints/version-check.ts";
import type { Decision, Exchange } from "./http/exchange.ts";
import { list } from "./lists/first.ts";
import { mergedList } from "./lists/merged.ts";
import { RegistryError } from "./protocol/errors.ts";
import type { RegistryRequest } from "./protocol/request.ts";
import { lookup } from "./pull/lookup.ts";
import { passThrough } from "./push/delete.ts";
import { forward } from "./push/forward.ts";
import { mount } from "./push/mount.ts";
import { pushManifest } from "./push/put-manifest.ts";
import { referrers } from "./referrers/list.ts";
import type { RouterContext } from "./router-context.ts";
import type { Plan } from "./routing/plan.ts";
import { type ResolvedRule, ruleName } from "./routing/ruling.ts";
import { checkPulled } from "./shadow/on-pull.ts";
import { checkPushedTag } from "./shadow/on-push.ts";
import type { Upstream } from "./upstream/upstream.ts";

/**
 * Carries out the plan of a request.
 * @returns who answered and why, once the response has ended
 * @throws RegistryError, among others DENIED where nothing may be pushed
 */
export async function dispatch(
  context: RouterContext,
  exchange: Exchange,
  request: RegistryRequest,
  plan: Plan<Upstream>,
): Promise<Decision> {
  switch (plan.action) {
    case "base":
      return base(context, exchange, request, plan.direct);
    case "lookup": {
      const { decision, pulled } = await lookup(context, exchange, request, plan.lookup);
      const { resource } = request;
      if (pulled !== undefined && resource.kind === "manifest" && !resource.byDigest) {
        checkPulled(context.shadows, exchange, { request, resource, members: plan.lookup.order }, pulled);
      }
      return decision;
    }
    case "list":
      return list(context.metrics, exchange, request, plan);
    case "merge":
      return mergedList(context.policy, exchange, request, plan.members);
    case "referrers":
      return referrers(context.referrersSupport, exchange, request, plan.members);
    case "pass":
      return passThrough(context, exchange, request, plan.to);
    case "forward":
      return forward(context, exchange, request, plan.to);
    case "push":
      return pushManifest(context, exchange, request, plan, (manifest) =>
        checkPushedTag(context.shadows, exchange, request, manifest),
      );
    case "mount":
      return mount(context, exchange, request, plan);
    case "deny":
      throw new RegistryError("DENIED", {
        message: `pushes to ${exchange.repository} and deletes in it are denied: ${whyNot(plan.ruling)}`,
      });
  }
}

function whyNot(ruling: ResolvedRule<Upstream>): string {
  switch (ruling.noPushBy) {
    case "host":
      return "this host name stands for a registry that the router never pushes to";
    case "namespace":
      return "?ns= names a registry that the router only mirrors";
    case undefined:
      return `${ruleName(ruling)} denies them`;
  }
}
