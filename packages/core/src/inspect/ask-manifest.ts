import { firstValue, quotable, type RawHeaders } from "../protocol/headers.ts";
import { longestManifest, manifestTypes } from "../protocol/manifest.ts";
import { isDigest, sha256 } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { classify } from "../routing/outcome.ts";
import type { Policy } from "../routing/policy.ts";
import type { ResolvedRule } from "../routing/ruling.ts";
import { reportOf } from "../upstream/outcome.ts";
import { targetAt } from "../upstream/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ExplainedHost, SkippedUpstream, UpstreamAnswer } from "./explanation.ts";
import { type Probe, type ProbeAnswer, type ProbeQuestion, probe, textOf } from "./probe.ts";
import type { SimulatedOutcome } from "./simulate.ts";

/** What an upstream said, for people and for the decision. */
export interface Said {
  readonly answer: UpstreamAnswer;
  readonly word: SimulatedOutcome;
}

/**
 * Asks an upstream for a manifest: with HEAD, which public registries do not count as a pull; with GET where the answer to
 * that proves nothing: a cache's 500 says only in its body that it does not know a digest, and some know no HEAD.
 * @param request a GET of a manifest
 * @throws ClientGone
 */
export async function askForManifest(
  upstream: Upstream,
  request: RegistryRequest,
  signal?: AbortSignal,
): Promise<Said> {
  const ask = (method: "HEAD" | "GET") =>
    probe(upstream, { ...questionFor(upstream, request, method), signal });
  const head = await ask("HEAD");
  if (isProof(head, request)) {
    return saidBy(upstream, request, "HEAD", head);
  }
  return saidBy(upstream, request, "GET", await ask("GET"));
}

function questionFor(upstream: Upstream, request: RegistryRequest, method: "HEAD" | "GET"): ProbeQuestion {
  const { connect, headers } = upstream.timeouts;
  return {
    asked: { ...targetAt(upstream, request), method },
    accept: manifestTypes,
    limit: connect + headers,
    bodyLimit: longestManifest,
  };
}

function isProof(said: Probe, { resource }: RegistryRequest): boolean {
  if (said.failure !== undefined) {
    return true;
  }
  if (said.status === 405 || said.status >= 500) {
    return false;
  }
  const byDigest = resource.kind === "manifest" && resource.byDigest;
  return said.status !== 200 || byDigest || toldDigest(said.headers) !== undefined;
}

function saidBy(upstream: Upstream, request: RegistryRequest, method: "HEAD" | "GET", said: Probe): Said {
  const { name, kind, state } = upstream;
  const about = {
    name,
    kind,
    method,
    repository: "repository" in request.resource ? upstream.nameOf(request.resource.repository) : "",
    latency: Math.round(said.latency * 10) / 10,
    breaker: state,
  };
  if (said.failure !== undefined) {
    const { failure } = said;
    const status = failure.status === undefined ? {} : { status: failure.status };
    return {
      answer: { ...about, ...status, outcome: "failed", cause: failure.cause },
      word: { outcome: "failed", failure },
    };
  }
  const { status } = said;
  const outcome = classify(upstream, status, textOf(said));
  if (outcome === "failed") {
    const failure = reportOf(upstream, said);
    return { answer: { ...about, status, outcome, cause: failure.cause }, word: { outcome, failure } };
  }
  const found = outcome === "found" ? describe(request, said) : {};
  return { answer: { ...about, status, outcome, ...found }, word: { outcome, status } };
}

/** What goes to a terminal must not be able to do anything there. */
function describe(
  { resource }: RegistryRequest,
  { headers, body }: ProbeAnswer,
): Pick<UpstreamAnswer, "digest" | "mediaType"> {
  const type = firstValue(headers, "content-type");
  const digest =
    resource.kind === "manifest" && resource.byDigest
      ? resource.reference
      : (toldDigest(headers) ?? digestOf(body));
  return {
    ...(digest !== undefined && { digest }),
    ...(type !== undefined && { mediaType: quotable(type) }),
  };
}

function toldDigest(headers: RawHeaders): string | undefined {
  const told = firstValue(headers, "docker-content-digest");
  return told !== undefined && isDigest(told) ? told : undefined;
}

function digestOf(body: Buffer | undefined): string | undefined {
  return body === undefined || body.length === 0 ? undefined : sha256(body);
}

/** Whether hosted has a repository; undefined if that cannot be told. */
async function isAtHosted(
  hosted: Upstream,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<boolean | undefined> {
  const { connect, headers } = hosted.timeouts;
  const said = await probe(hosted, {
    asked: {
      method: "GET",
      // Without `n`: distribution 3 answers a page of a repository that it does not know with an empty one.
      path: `/v2/${repository}/tags/list`,
      search: "",
      scope: [`repository:${repository}:pull`],
    },
    limit: connect + headers,
    signal,
  });
  if (said.failure !== undefined) {
    return undefined;
  }
  return said.status === 404 ? false : said.status === 200 || undefined;
}

/**
 * The ruling without the proxies where the repository is hosted's own, or may be: a proxy must not hear the name then.
 * @returns as well why they were left out
 * @throws ClientGone
 */
export async function restrictedByOwner(
  { hosted }: Policy<Upstream>,
  repository: string,
  ruling: ResolvedRule<Upstream>,
  signal?: AbortSignal,
): Promise<{ readonly ruling: ResolvedRule<Upstream>; readonly reason: string | undefined }> {
  const asksProxies = ruling.pull.some(({ kind }) => kind === "proxy");
  const has = ruling.owned && asksProxies ? await isAtHosted(hosted, repository, signal) : false;
  if (has === false) {
    return { ruling, reason: undefined };
  }
  const reason = has
    ? "the rule says owned, and hosted has the repository"
    : "the rule says owned, and whether hosted has the repository cannot be told";
  return { ruling: { ...ruling, pull: ruling.pull.filter((one) => one === hosted) }, reason };
}

/** What the decision was narrowed down by, step by step. */
export interface Steps {
  /** By the rule and each upstream's `match` alone. */
  readonly open: ResolvedRule<Upstream>;
  /** And by the host in the image's name. */
  readonly meant: ResolvedRule<Upstream>;
  readonly host: ExplainedHost | undefined;
  /** Those that are asked in the end. */
  readonly asked: readonly Upstream[];
  /** Why some were left out at last. */
  readonly owned: string | undefined;
}

/** Each upstream that is not asked, and why. */
export function leftOut(upstreams: readonly Upstream[], repository: string, steps: Steps): SkippedUpstream[] {
  return upstreams
    .filter((upstream) => !steps.asked.includes(upstream))
    .map((upstream) => ({
      name: upstream.name,
      kind: upstream.kind,
      reason: reasonFor(upstream, repository, steps),
    }));
}

function reasonFor(upstream: Upstream, repository: string, { open, meant, host, owned }: Steps): string {
  if (meant.pull.includes(upstream)) {
    return owned ?? "the rule leaves it out";
  }
  if (open.pull.includes(upstream)) {
    return `${host?.name} is another registry`;
  }
  return upstream.serves(repository) ? "the rule's pull leaves it out" : "its match leaves the name out";
}
