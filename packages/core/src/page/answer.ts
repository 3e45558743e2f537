import { authorizeUnruled, canAccess } from "../authorize/admit.ts";
import { type FoundShadow, otherSideOf } from "../cache/shadowed-tags.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { routerDecision, send } from "../http/respond.ts";
import { checkHealth } from "../observe/health.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { RouterContext } from "../router-context.ts";
import { version } from "../version.ts";
import { describeDecision } from "./decisions.ts";
import { documentHeaders, renderDocument } from "./document.ts";
import { explainFor } from "./explain-for.ts";
import type { Model, Names } from "./model.ts";
import { renderPage } from "./render.ts";

const mostShadows = 20;

const idleHour = { answered: 0, down: 0, up: 0, asked: 0, failed: 0 };

/**
 * `GET /` of a browser: the status page, with an explanation of the image in `?image=`.
 * @throws RegistryError as `authorizeUnruled` does; ClientAborted
 */
export async function statusPage(
  context: RouterContext,
  exchange: Exchange,
  search: string,
): Promise<Decision> {
  await authorizeUnruled(context, exchange, { repository: undefined, access: "operations" });
  // An explanation costs requests to upstreams, and the answer to HEAD does not show it.
  const image = exchange.request.method === "GET" ? new URLSearchParams(search).get("image") : null;
  const model = await gather(context, exchange, image?.trim() ?? "");
  const body = renderDocument(renderPage(model));
  return send(exchange, routerDecision("status page"), { status: 200, headers: documentHeaders, body });
}

/**
 * Collects what the page shows to this client.
 * @param image the image to explain, as it was typed; empty for none
 * @throws RegistryError if `authorize` fails; ClientAborted
 */
async function gather(context: RouterContext, exchange: Exchange, image: string): Promise<Model> {
  const { activity, config } = context;
  const [health, names] = await Promise.all([checkHealth(context), gatherNames(context, exchange, image)]);
  return {
    now: Date.now(),
    version,
    oneOfSeveral: config.peers === undefined ? undefined : process.pid,
    hasMetricsOfAll: config.operations !== "off" && config.metrics.page !== undefined,
    upstreams: health.upstreams.map((one) => ({ ...one, hour: activity?.hourOf(one.name) ?? idleHour })),
    router: activity?.hourOf() ?? idleHour,
    names,
  };
}

async function gatherNames(
  context: RouterContext,
  exchange: Exchange,
  image: string,
): Promise<Names | undefined> {
  const { activity, config, shadows } = context;
  if (config.hosted.auth === "passthrough") {
    // Only hosted knows which client may pull what, and the page does not ask hosted about names.
    return undefined;
  }
  const decisions = (activity?.decisions() ?? []).flatMap((past) => describeDecision(past) ?? []);
  const findings = shadows.log.latest(mostShadows).filter((found) => isPossible(context, found));
  const repositories = new Set([
    ...decisions.flatMap((decision) => decision.repositories),
    ...findings.map(({ repository }) => repository),
  ]);
  const checkAll = [...repositories].map(async (repository) =>
    (await mayPull(context, exchange, repository)) ? [repository] : [],
  );
  const [pullable, answer] = await Promise.all([
    Promise.all(checkAll).then((checked) => new Set(checked.flat())),
    image === "" ? undefined : explainFor(context, exchange, image),
  ]);
  return {
    restricted: config.authorize !== undefined,
    decisions: decisions
      .filter((decision) => decision.repositories.every((one) => pullable.has(one)))
      .map(({ shown }) => shown),
    shadows: findings.filter(({ repository }) => pullable.has(repository)),
    box: { image, answer },
  };
}

/** Clients can request any name. If `authorize` throws for one, the page hides that name and still works. */
async function mayPull(context: RouterContext, exchange: Exchange, repository: string): Promise<boolean> {
  try {
    return await canAccess(context, exchange, { repository, access: "pull" });
  } catch (error) {
    if (error instanceof RegistryError) {
      return false;
    }
    throw error;
  }
}

/** A tag is no longer shadowed once the rules, which may have been reloaded, keep it on one side. */
function isPossible({ policy }: RouterContext, { repository, hosted, proxy }: FoundShadow): boolean {
  const ruling = policy.rulingFor(repository, { namespace: undefined, host: undefined });
  return (
    policy.hosted.name === hosted.name &&
    ruling.pull.includes(policy.hosted) &&
    otherSideOf(policy.hosted, ruling.pull, ruling).some(({ name }) => name === proxy.name)
  );
}
