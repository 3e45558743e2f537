import type { CompleteConfig } from "../config/complete.ts";
import { CopyFailure } from "../errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { RegistryError } from "../protocol/errors.ts";
import { publicHost } from "../protocol/forwarding.ts";
import { repositoryScope } from "../protocol/token-scope.ts";
import type { Ownership } from "../pull/ownership.ts";
import { type Attempt, describeAttempt } from "../routing/outcome.ts";
import type { ResolvedRule } from "../routing/ruling.ts";
import type { QueryOutcome } from "../upstream/outcome.ts";
import type { UpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** From where to where content is copied, and on whose behalf. */
export interface CopyJob {
  readonly hosted: Upstream;
  /** Where hosted is to have it. */
  readonly repository: string;
  /** Where proxies are asked for it. */
  readonly from: string;
  /** In order; at least one. */
  readonly proxies: readonly Upstream[];
  /** What hosted goes by if it judges the client's own credentials. */
  readonly authorization: string | undefined;
  /** The name that hosted may build addresses with, besides its own. */
  readonly publicHost: string | undefined;
}

/** What decides whether there are copies. */
export interface CopyContext {
  readonly config: Pick<CompleteConfig, "copy">;
  readonly ownership: Ownership;
}

/**
 * Whom a copy may be had from.
 * @param source the rules' word on `from`: proxies that it does not name never hear of it, nor does any of what is hosted's own
 * @returns undefined if nobody, or copies are switched off
 * @throws CopyFailure if hosted does not say whether `from` is its own; ClientAborted
 */
export async function planCopy(
  { config, ownership }: CopyContext,
  exchange: Exchange,
  where: Pick<CopyJob, "hosted" | "repository" | "from">,
  source: ResolvedRule<Upstream>,
): Promise<CopyJob | undefined> {
  if (!config.copy || proxiesOf(source).length === 0) {
    return undefined;
  }
  const proxies = proxiesOf(await settled(ownership, exchange, where.from, source));
  const { request, client } = exchange;
  return proxies.length === 0
    ? undefined
    : {
        ...where,
        proxies,
        authorization: where.hosted.passthrough ? request.headers.authorization : undefined,
        publicHost: publicHost(request.rawHeaders, client),
      };
}

function proxiesOf({ pull }: ResolvedRule<Upstream>): readonly Upstream[] {
  return pull.filter(({ kind }) => kind === "proxy");
}

async function settled(
  ownership: Ownership,
  exchange: Exchange,
  from: string,
  source: ResolvedRule<Upstream>,
): Promise<ResolvedRule<Upstream>> {
  try {
    return await ownership.restrict(exchange, from, source);
  } catch (error) {
    if (error instanceof RegistryError) {
      throw new CopyFailure(`could not check whether hosted owns ${from}: ${error.message}`);
    }
    throw error;
  }
}

/** One request of a copy. */
export interface CopyRequest extends Pick<UpstreamRequest, "follows" | "stream"> {
  readonly method: string;
  /** What stands behind the repository's name, or the path and query of an upload session. */
  readonly address: string;
  readonly accept?: readonly string[];
  readonly range?: string;
  readonly body?: Buffer;
  /** Of the body, `Content-Type`. */
  readonly type?: string;
}

/** Asks hosted about the repository that is copied to. @throws ClientAborted, CopyFailure */
export function askHosted(
  { hosted, repository, authorization }: CopyJob,
  step: CopyRequest,
  signal: AbortSignal,
): Promise<QueryOutcome> {
  return hosted.query({ ...toRequest(hosted, repository, step, signal), authorization });
}

/** Asks a proxy for something of the repository that is copied from. @throws ClientAborted */
export function askProxy(
  { from }: CopyJob,
  proxy: Upstream,
  step: Omit<CopyRequest, "method">,
  signal: AbortSignal,
): Promise<QueryOutcome> {
  return proxy.query(toRequest(proxy, from, { ...step, method: "GET", follows: true }, signal));
}

function toRequest(
  upstream: Upstream,
  repository: string,
  { method, address, ...further }: CopyRequest,
  signal: AbortSignal,
): UpstreamRequest {
  const name = upstream.nameOf(repository);
  const target = address.startsWith("/") ? address : `/v2/${name}/${address}`;
  const question = target.indexOf("?");
  const end = question === -1 ? target.length : question;
  return {
    ...further,
    method,
    path: target.slice(0, end),
    search: target.slice(end),
    scope: [repositoryScope(name, method)],
    repository,
    decided: performance.now(),
    signal,
  };
}

/** Whether hosted has something already. @throws ClientAborted; CopyFailure if that cannot be told */
export async function hostedHas(
  copying: CopyJob,
  address: string,
  signal: AbortSignal,
  accept: readonly string[] = [],
): Promise<boolean> {
  const said = await askHosted(copying, { method: "HEAD", address, accept }, signal);
  if (said.outcome === "not_found") {
    return false;
  }
  expectStatus(said, `whether it has ${address}`, copying.hosted);
  return true;
}

/** Content as a proxy begins to send it. */
export interface Found {
  readonly proxy: Upstream;
  readonly answer: UpstreamResponse;
}

/** Asks the proxies in order. @throws ClientAborted; CopyFailure if none has it */
export async function findAtProxies(
  copying: CopyJob,
  address: string,
  signal: AbortSignal,
  accept: readonly string[] = [],
): Promise<Found> {
  const attempts: Attempt[] = [];
  for (const proxy of copying.proxies) {
    const said = await askProxy(copying, proxy, { address, accept }, signal);
    if (said.outcome === "found" && said.answer.status === 200) {
      return { proxy, answer: said.answer };
    }
    attempts.push(attemptOf(proxy, said));
  }
  throw new CopyFailure(`${address} of ${copying.from}: ${attempts.map(describeAttempt).join(", ")}`, {
    isAbsent: attempts.every(({ outcome }) => outcome === "not_found"),
  });
}

function attemptOf(member: Upstream, said: QueryOutcome): Attempt {
  if (said.outcome === "failed") {
    return { member, outcome: "failed", failure: said.failure };
  }
  const { status, body } = said.answer;
  if (said.outcome === "not_found") {
    return { member, outcome: "not_found", status };
  }
  body.destroy();
  return { member, outcome: "failed", failure: { kind: "broken", cause: `answered ${status}`, status } };
}

/**
 * Reads away the answer to a step that has to succeed.
 * @param what was asked of the upstream, for people
 * @throws CopyFailure unless it did
 */
export function expectStatus(
  said: QueryOutcome,
  what: string,
  { name, timeouts }: Upstream,
  expected?: number,
): UpstreamResponse {
  if (said.outcome === "failed") {
    throw new CopyFailure(`${what}: ${name} failed (${said.failure.cause})`);
  }
  const { answer } = said;
  if (said.outcome !== "found" || (expected ?? answer.status) !== answer.status) {
    answer.body.destroy();
    throw new CopyFailure(`${what}: ${name} answered ${answer.status}`);
  }
  // Of no use; its connection is, if it ends as it should.
  void readUpTo(answer.body, errorBodyLimit, timeouts.idle);
  return answer;
}
