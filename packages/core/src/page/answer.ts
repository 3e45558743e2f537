import { authorizeUnruled, canAccess } from "../authorize/admit.ts";
import { type FoundShadow, otherSideOf } from "../cache/shadowed-tags.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { routerDecision, send } from "../http/respond.ts";
import { checkHealth } from "../observe/health.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { RouterContext } from "../router-context.ts";
import { version } from "../version.ts";
import { describeDecision, type NamedDecision } from "./decisions.ts";
import { documentHeaders, renderDocument } from "./document.ts";
import { explainFor } from "./explain-for.ts";
import type { Model, Names } from "./model.ts";
import { renderPage } from "./render.ts";

const mostShadows = 20;

const noHour = { answered: 0, down: 0, up: 0, asked: 0, failed: 0 };

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
  const asked = exchange.request.method === "GET" ? new URLSearchParams(search).get("image") : null;
  const model = await gather(context, exchange, asked?.trim() ?? "");
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
    upstreams: health.upstreams.map((one) => ({ ...one, hour: activity?.hourOf(one.name) ?? noHour })),
    router: activity?.hourOf() ?? noHour,
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
    // Only hosted knows who may pull what, and the page does not ask it for names.
    return undefined;
  }
  const decisions = (activity?.decisions() ?? []).flatMap((past) => describeDecision(past) ?? []);
  const findings = shadows.log.latest(mostShadows).filter((found) => isPossible(context, found));
  const [seen, answer] = await Promise.all([
    pullable(context, exchange, [
      ...decisions.flatMap(({ repositories }) => repositories),
      ...findings.map(({ repository }) => repository),
    ]),
    image === "" ? undefined : explainFor(context, exchange, image),
  ]);
  const isSeen = ({ repositories }: NamedDecision) => repositories.every((one) => seen.has(one));
  return {
    restricted: config.authorize !== undefined,
    decisions: decisions.filter(isSeen).map(({ shown }) => shown),
    shadows: findings.filter(({ repository }) => seen.has(repository)),
    box: { image, answer },
  };
}

/** Those of the repositories that this client may pull from. */
async function pullable(
  context: RouterContext,
  exchange: Exchange,
  repositories: readonly string[],
): Promise<ReadonlySet<string>> {
  const checked = await Promise.all(
    [...new Set(repositories)].map(async (repository) =>
      (await maySee(context, exchange, repository)) ? [repository] : [],
    ),
  );
  return new Set(checked.flat());
}

/** Clients make names up. If `authorize` throws for one of them, that name is hidden and the page still works. */
async function maySee(context: RouterContext, exchange: Exchange, repository: string): Promise<boolean> {
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
