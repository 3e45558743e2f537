import { canAccess } from "../authorize/admit.ts";
import { type FoundShadow, otherSideOf } from "../cache/shadowed-tags.ts";
import type { Exchange } from "../http/exchange.ts";
import { checkHealth } from "../observe/health.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { Services } from "../services.ts";
import { version } from "../version.ts";
import { describeDecision, type NamedDecision } from "./decisions.ts";
import { explainFor } from "./explain-for.ts";
import type { Model, Names } from "./model.ts";

const mostShadows = 20;

const noHour = { answered: 0, down: 0, up: 0, asked: 0, failed: 0 };

/**
 * Finds out what the page shows to whoever sent a request.
 * @param image what to explain, as it was written; empty for nothing
 * @throws RegistryError if `authorize` fails; ClientGone
 */
export async function gather(services: Services, exchange: Exchange, image: string): Promise<Model> {
  const { activity, config } = services;
  const [health, names] = await Promise.all([checkHealth(services), gatherNames(services, exchange, image)]);
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
  services: Services,
  exchange: Exchange,
  image: string,
): Promise<Names | undefined> {
  const { activity, config, shadows } = services;
  if (config.hosted.auth === "passthrough") {
    // Who may pull what, hosted alone can tell, and it is not asked for names.
    return undefined;
  }
  const decisions = (activity?.decisions() ?? []).flatMap((past) => describeDecision(past) ?? []);
  const findings = shadows.latest(mostShadows).filter((found) => isPossible(services, found));
  const [seen, answer] = await Promise.all([
    pullable(services, exchange, [
      ...decisions.flatMap(({ repositories }) => repositories),
      ...findings.map(({ repository }) => repository),
    ]),
    image === "" ? undefined : explainFor(services, exchange, image),
  ]);
  const isSeen = ({ repositories }: NamedDecision) => repositories.every((one) => seen.has(one));
  return {
    restricted: config.authorize !== undefined,
    decisions: decisions.filter(isSeen).map(({ shown }) => shown),
    shadows: findings.filter(({ repository }) => seen.has(repository)),
    box: { image, answer },
  };
}

/** Those of the repositories that whoever sent a request may pull from. */
async function pullable(
  services: Services,
  exchange: Exchange,
  repositories: readonly string[],
): Promise<ReadonlySet<string>> {
  const judged = await Promise.all(
    [...new Set(repositories)].map(async (repository) =>
      (await maySee(services, exchange, repository)) ? [repository] : [],
    ),
  );
  return new Set(judged.flat());
}

/** Clients make names up: one that `authorize` fails on is shown to nobody, but does not take the page away from everybody. */
async function maySee(services: Services, exchange: Exchange, repository: string): Promise<boolean> {
  try {
    return await canAccess(services, exchange, { repository, access: "pull" });
  } catch (error) {
    if (error instanceof RegistryError) {
      return false;
    }
    throw error;
  }
}

/** A tag that the rules of today keep in one place is shadowed no more. */
function isPossible({ policy }: Services, { repository, hosted, proxy }: FoundShadow): boolean {
  const ruling = policy.rulingFor(repository, { namespace: undefined, host: undefined });
  return (
    policy.hosted.name === hosted.name &&
    ruling.pull.includes(policy.hosted) &&
    otherSideOf(policy.hosted, ruling.pull, ruling).some(({ name }) => name === proxy.name)
  );
}
