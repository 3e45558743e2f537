import { RepositoryCache } from "../cache/repositories.ts";
import { ClientAborted } from "../errors.ts";
import { detached, type Exchange } from "../http/exchange.ts";
import { RegistryError } from "../protocol/errors.ts";
import { valuesOf } from "../protocol/headers.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { FailureReport } from "../routing/outcome.ts";
import type { ResolvedRule } from "../routing/ruling.ts";
import type { Services } from "../services.ts";
import { isRead, type UpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { errorFromAttempts } from "./answer.ts";

/** What hosted said when it was asked for a repository. */
type ExistenceResult =
  | { readonly kind: "told"; readonly exists: boolean }
  | { readonly kind: "failed"; readonly failure: FailureReport }
  /** It judges the client's own credentials, and these are not good enough. */
  | { readonly kind: "refused"; readonly answer: UpstreamResponse };

/** Remembers what hosted said, and who is waiting for its word. */
export class Ownership extends RepositoryCache<ExistenceResult> {}

/**
 * Leaves the proxies out if the repository is owned and hosted has it. If that cannot be told, nobody is asked: the name must not
 * get to a proxy.
 * @throws RegistryError, ClientGone
 */
export async function restrictIfOwned(
  services: Services,
  exchange: Exchange,
  repository: string,
  ruling: ResolvedRule<Upstream>,
): Promise<ResolvedRule<Upstream>> {
  const { hosted } = services.policy;
  const asksProxies = ruling.pull.some((upstream) => upstream !== hosted);
  if (!ruling.owned || !asksProxies || !(await isAtHosted(services, exchange, repository))) {
    return ruling;
  }
  excludeFromProbes(services, repository);
  return { ...ruling, pull: ruling.pull.filter((upstream) => upstream === hosted) };
}

/** Something of a repository was pushed to hosted. */
export function markOwned(services: Services, repository: string): void {
  services.owners.learn(repository, true);
  excludeFromProbes(services, repository);
}

/** A proxy that is left out may be waiting for a trial with what it was asked for before the repository was hosted's. */
export function excludeFromProbes({ policy }: Services, repository: string): void {
  for (const proxy of policy.proxies) {
    proxy.dropProbe(repository);
  }
}

/** Whether a request is one that proxies may be asked for. */
export function mayAskProxies({ method, resource }: RegistryRequest): boolean {
  return isRead(method) && resource.kind !== "upload-session";
}

async function isAtHosted(services: Services, exchange: Exchange, repository: string): Promise<boolean> {
  const { owners, policy } = services;
  const { hosted } = policy;
  const known = owners.has(repository);
  if (known !== undefined) {
    return known;
  }
  const existence = hosted.passthrough
    ? await askFor(services, exchange, repository)
    : await owners.ask(repository, () => askForAll(services, exchange, repository), told);
  if (exchange.signal.aborted) {
    throw new ClientAborted();
  }
  if (existence.kind === "failed") {
    throw errorFromAttempts([{ member: hosted, outcome: "failed", failure: existence.failure }]);
  }
  if (existence.kind === "refused") {
    throw refusalOf(existence.answer);
  }
  if (hosted.passthrough && existence.exists) {
    // That it is not there may be true for this client alone.
    owners.learn(repository, true);
  }
  // Somebody may have pushed it while hosted was being asked.
  return owners.has(repository) ?? existence.exists;
}

function told(existence: ExistenceResult): boolean | undefined {
  return existence.kind === "told" ? existence.exists : undefined;
}

/** Others wait for the same answer, so it is not given up if this client goes away. */
function askForAll(services: Services, exchange: Exchange, repository: string): Promise<ExistenceResult> {
  return askFor(services, detached(exchange), repository);
}

async function askFor(services: Services, exchange: Exchange, repository: string): Promise<ExistenceResult> {
  const { hosted } = services.policy;
  const asked: UpstreamRequest = {
    method: "GET",
    path: `/v2/${repository}/tags/list`,
    search: "?n=1",
    scope: [`repository:${repository}:pull`],
    repository,
    list: true,
    whole: true,
    decided: performance.now(),
    from: exchange,
    signal: exchange.signal,
  };
  const said = await listOf(hosted, asked);
  // distribution 3 says `null` of a repository without tags, and in pages also of one that it does not know.
  const first = said.kind === "listed" && said.empty ? await listOf(hosted, { ...asked, search: "" }) : said;
  return first.kind === "listed" ? { kind: "told", exists: true } : first;
}

type Listing = ExistenceResult | { readonly kind: "listed"; readonly empty: boolean };

async function listOf(hosted: Upstream, asked: UpstreamRequest): Promise<Listing> {
  const said = await hosted.query(asked);
  switch (said.outcome) {
    case "failed":
      return { kind: "failed", failure: said.failure };
    case "not_found":
      return { kind: "told", exists: false };
    case "final":
      return [401, 403].includes(said.answer.status)
        ? { kind: "refused", answer: said.answer }
        : { kind: "failed", failure: broken(said.answer.status) };
    case "found": {
      if (said.answer.status !== 200) {
        said.answer.body.destroy();
        return { kind: "failed", failure: broken(said.answer.status) };
      }
      // A list that ignores `n` may be long, but a long one is not empty.
      const body = await readUpTo(said.answer.body, errorBodyLimit, hosted.timeouts.idle);
      return { kind: "listed", empty: body !== undefined && /"tags":\s*null/.test(body.toString()) };
    }
  }
}

function broken(status: number): FailureReport {
  return { kind: "broken", cause: `answered ${status} when asked whether it has the repository`, status };
}

/** Hosted's own challenge, or its refusal, for the client whose credentials it judged. */
function refusalOf({ status, headers }: UpstreamResponse): RegistryError {
  return status === 401
    ? new RegistryError("UNAUTHORIZED", {
        headers: { "WWW-Authenticate": valuesOf(headers, "www-authenticate").join(", ") },
      })
    : new RegistryError("DENIED");
}
