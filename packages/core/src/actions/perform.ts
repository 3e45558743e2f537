import { namesFor } from "../authorize/access.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { Plan } from "../routing/plan.ts";
import { ruleName } from "../routing/ruling.ts";
import type { Services } from "../services.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { base } from "./base.ts";
import { catalog } from "./catalog.ts";
import type { Exchange } from "./exchange.ts";
import { forward } from "./forward.ts";
import { list } from "./lists.ts";
import { lookup } from "./lookup.ts";
import { mount } from "./mount.ts";
import { pass } from "./pass.ts";
import { pushManifest } from "./push-manifest.ts";
import { referrers } from "./referrers.ts";

/**
 * Does what was decided.
 * @throws RegistryError, among others DENIED where a rule says so
 */
export async function perform(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  plan: Plan<Upstream>,
): Promise<void> {
  switch (plan.action) {
    case "base":
      return base(services, exchange, request);
    case "lookup":
      return lookup(services, exchange, request, plan.lookup);
    case "list":
    case "merge": {
      const order = plan.action === "list" ? plan.order : plan.members;
      const shown =
        request.resource.kind === "catalog" ? namesFor(services.policy, exchange.user) : undefined;
      return shown === undefined
        ? list(services, exchange, request, order)
        : catalog(services, exchange, request, order, shown);
    }
    case "referrers":
      return referrers(services, exchange, request, plan.members);
    case "pass":
      return pass(services, exchange, request, plan.to);
    case "forward":
      return forward(services, exchange, request, plan.to);
    case "push":
      return pushManifest(services, exchange, request, plan);
    case "mount":
      return mount(services, exchange, request, plan);
    case "deny":
      throw new RegistryError("DENIED", {
        message: `nothing is pushed to ${exchange.repository} or deleted there: ${ruleName(plan.ruling)} denies it`,
      });
  }
}
