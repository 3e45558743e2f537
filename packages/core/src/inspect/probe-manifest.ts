import { firstValue, quotable, type RawHeaders } from "../protocol/headers.ts";
import { longestManifest, manifestTypes } from "../protocol/manifest.ts";
import { isDigest, sha256 } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { classify } from "../routing/outcome.ts";
import { type QueryOutcome, reportOf } from "../upstream/outcome.ts";
import { targetAt } from "../upstream/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { UpstreamAnswer } from "./explanation.ts";
import type { RecordedOutcome } from "./predict-pull.ts";
import { type Probe, type ProbeAnswer, type ProbeRequest, probe, textOf } from "./probe.ts";

/** An upstream's answer, for people and for the failover. */
export interface ManifestRecord extends RecordedOutcome {
  readonly answer: UpstreamAnswer;
}

/**
 * Asks an upstream for a manifest: with HEAD, which public registries do not count as a pull; with GET if the answer to
 * HEAD proves nothing. A cache's 500 says only in its body that it does not know a digest, and some registries know no HEAD.
 * @param request a GET of a manifest
 * @throws ClientAborted
 */
export async function probeManifest(
  upstream: Upstream,
  request: RegistryRequest,
  signal?: AbortSignal,
): Promise<ManifestRecord> {
  const send = (method: "HEAD" | "GET") =>
    probe(upstream, { ...probeRequest(upstream, request, method), signal });
  const head = await send("HEAD");
  if (isProof(head, request)) {
    return recordOf(upstream, request, "HEAD", head);
  }
  return recordOf(upstream, request, "GET", await send("GET"));
}

function probeRequest(upstream: Upstream, request: RegistryRequest, method: "HEAD" | "GET"): ProbeRequest {
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

function recordOf(
  upstream: Upstream,
  request: RegistryRequest,
  method: "HEAD" | "GET",
  said: Probe,
): ManifestRecord {
  const { name, kind, state: breaker } = upstream;
  const about = {
    name,
    kind,
    method,
    repository: "repository" in request.resource ? upstream.nameOf(request.resource.repository) : "",
    latency: Math.round(said.latency * 10) / 10,
    breaker,
  };
  const outcome = outcomeOf(upstream, said);
  if (outcome.outcome === "failed") {
    const { status, cause } = outcome.failure;
    const answer = { ...about, ...(status !== undefined && { status }), outcome: "failed", cause } as const;
    return { answer, outcome, breaker };
  }
  const { status } = outcome.answer;
  const found = outcome.outcome === "found" && said.failure === undefined ? describe(request, said) : {};
  return { answer: { ...about, status, outcome: outcome.outcome, ...found }, outcome, breaker };
}

/** What the answer means to a pull. */
function outcomeOf(upstream: Upstream, said: Probe): QueryOutcome {
  if (said.failure !== undefined) {
    return { outcome: "failed", failure: said.failure };
  }
  const { response: answer, body = Buffer.alloc(0) } = said;
  const outcome = classify(upstream, answer.status, textOf(said));
  return outcome === "failed" ? { outcome, failure: reportOf(upstream, answer) } : { outcome, answer, body };
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
