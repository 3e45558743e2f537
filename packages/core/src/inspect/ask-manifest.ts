import { firstValue, quotable, type RawHeaders } from "../protocol/headers.ts";
import { longestManifest, manifestTypes } from "../protocol/manifest-types.ts";
import { isDigest, sha256 } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errandOf, reportOf } from "../pull/query.ts";
import { classify } from "../routing/classify.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { UpstreamAnswer } from "./explanation.ts";
import { type Probe, type ProbeAnswer, type ProbeQuestion, probe, textOf } from "./probe.ts";
import type { Word } from "./simulate.ts";

/** What an upstream said, for people and for the decision. */
export interface Said {
  readonly answer: UpstreamAnswer;
  readonly word: Word;
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
    errand: { ...errandOf({ ...request, method }, upstream), method },
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
