import type { CompleteConfig } from "../config/complete.ts";
import { CopyFailure } from "../errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { RegistryError } from "../protocol/errors.ts";
import { publicHost } from "../protocol/forwarded-headers.ts";
import { repositoryScope } from "../protocol/token-scope.ts";
import type { Ownership } from "../pull/ownership.ts";
import { type Attempt, describeAttempt, type Wanted } from "../routing/classify.ts";
import type { ResolvedRule } from "../routing/ruling.ts";
import type { QueryOutcome } from "../upstream/query-outcome.ts";
import { isRead, type UpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { UploadTarget } from "../upstream/upload-addresses.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** Where a copy goes. */
export interface CopyTarget {
  readonly hosted: Upstream;
  readonly repository: string;
  /** The client's own, for hosted with `auth: passthrough`. */
  readonly authorization: string | undefined;
  /** Hosted may use this name in a `Location`, besides its own. */
  readonly publicHost: string | undefined;
}

export interface CopyJob extends CopyTarget {
  readonly from: string;
  /** In order; at least one. */
  readonly proxies: readonly Upstream[];
}

export function copyTarget({ request, client }: Exchange, hosted: Upstream, repository: string): CopyTarget {
  return {
    hosted,
    repository,
    authorization: hosted.passthrough ? request.headers.authorization : undefined,
    publicHost: publicHost(request.rawHeaders, client),
  };
}

export interface CopyContext {
  readonly config: Pick<CompleteConfig, "copy">;
  readonly ownership: Ownership;
}

/**
 * @param source the rule for `from`: only its proxies are asked, and none if hosted owns the repository
 * @returns undefined if no proxy may be asked, or copies are switched off
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
  let proxies: readonly Upstream[];
  try {
    proxies = proxiesOf(await ownership.restrict(exchange, where.from, source));
  } catch (error) {
    if (error instanceof RegistryError) {
      throw new CopyFailure(`could not check whether hosted owns ${where.from}: ${error.message}`);
    }
    throw error;
  }
  const { hosted, repository, from } = where;
  return proxies.length === 0 ? undefined : { ...copyTarget(exchange, hosted, repository), from, proxies };
}

function proxiesOf({ pull }: ResolvedRule<Upstream>): readonly Upstream[] {
  return pull.filter(({ kind }) => kind === "proxy");
}

export interface CopyRequest extends Pick<UpstreamRequest, "follows" | "stream"> {
  readonly method: string;
  /** The path behind the repository's name, or an upload session. */
  readonly address: string | UploadTarget;
  readonly accept?: readonly string[];
  readonly range?: string;
  readonly body?: Buffer;
  readonly type?: string;
  readonly contentRange?: string | undefined;
}

/** @throws ClientAborted, CopyFailure */
export function askHosted(
  { hosted, repository, authorization }: CopyTarget,
  step: CopyRequest,
  signal: AbortSignal,
): Promise<QueryOutcome> {
  return hosted.query({ ...toRequest(hosted, repository, step, signal), authorization });
}

/** @throws ClientAborted */
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
  const target =
    typeof address === "string" ? { path: `/v2/${name}/${address}`, search: "", fromRoot: false } : address;
  return {
    ...further,
    ...target,
    method,
    scope: [repositoryScope(name, method)],
    repository,
    wanted: wantedBy(method, address),
    decided: performance.now(),
    signal,
  };
}

function wantedBy(method: string, address: CopyRequest["address"]): Wanted {
  const [kind, digest] = typeof address === "string" ? address.split("/") : [];
  return isRead(method) && (kind === "blobs" || kind === "manifests")
    ? { kind: kind === "blobs" ? "blob" : "manifest", digest }
    : { kind: "write" };
}

/** @throws ClientAborted; CopyFailure if hosted fails */
export async function hostedHas(
  copying: CopyJob,
  address: string,
  signal: AbortSignal,
  accept: readonly string[] = [],
): Promise<boolean> {
  const said = await askHosted(copying, { method: "HEAD", address, accept }, signal);
  // HEAD has no words. Some registries say 500 of content that they lack, and an upload of content that is there does no harm.
  if (said.outcome === "not_found" || (said.outcome === "failed" && said.failure.status === 500)) {
    return false;
  }
  const { status } = expectStatus(said, `whether it has ${address}`, copying.hosted);
  if (status === 416 || status === 304) {
    throw new CopyFailure(`whether it has ${address}: ${copying.hosted.name} answered ${status}`);
  }
  return true;
}

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
 * Checks the status of a response, and discards its body.
 * @param what the request, for the error message
 * @throws CopyFailure if the request failed
 */
export function expectStatus(
  said: QueryOutcome,
  what: string,
  { name, timeouts }: Upstream,
  expected?: number | "success",
): UpstreamResponse {
  if (said.outcome === "failed") {
    const { cause, status } = said.failure;
    throw new CopyFailure(`${what}: ${name} failed (${cause})`, { status });
  }
  const { answer } = said;
  const { status } = answer;
  const isExpected = expected === "success" ? status >= 200 && status < 300 : (expected ?? status) === status;
  if (said.outcome !== "found" || !isExpected) {
    answer.body.destroy();
    throw new CopyFailure(`${what}: ${name} answered ${status}`, { status });
  }
  // To the end, so that the connection can be used again.
  void readUpTo(answer.body, errorBodyLimit, timeouts.idle);
  return answer;
}

/** As `expectStatus`, for a write: registries answer 201, and some answer another 2xx. @throws CopyFailure */
export function expectSuccess(said: QueryOutcome, what: string, upstream: Upstream): UpstreamResponse {
  const answer = expectStatus(said, what, upstream);
  if (answer.status < 200 || answer.status >= 300) {
    throw new CopyFailure(`${what}: ${upstream.name} answered ${answer.status}`);
  }
  return answer;
}
