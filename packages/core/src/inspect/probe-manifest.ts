import { firstValue, quotable, type RawHeaders } from "../protocol/headers.ts";
import { longestManifest, manifestTypes } from "../protocol/manifest.ts";
import { isDigest, sha256 } from "../protocol/names.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { isFound, objectionTo, provesManifest, type Wanted } from "../routing/classify.ts";
import { classified, objected, type QueryOutcome } from "../upstream/query-outcome.ts";
import { targetAt } from "../upstream/request.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { UpstreamAnswer } from "./explanation.ts";
import type { RecordedOutcome } from "./predict-pull.ts";
import { type Probe, type ProbeResponse, probe } from "./probe.ts";

/** An upstream's answer: `answer` for people, the rest for the failover. */
interface ManifestRecord extends RecordedOutcome {
  readonly answer: UpstreamAnswer;
}

/**
 * Asks an upstream for a manifest: with HEAD, which public registries do not count as a pull; with GET if the answer to HEAD
 * proves nothing. A cache says only in the body of its 500 that it does not know a digest, and some registries reject HEAD.
 * @param request a GET of a manifest
 * @throws ClientAborted
 */
export async function probeManifest(
  upstream: Upstream,
  request: RegistryRequest,
  signal?: AbortSignal,
): Promise<ManifestRecord> {
  const { connect, headers } = upstream.timeouts;
  const send = (method: "HEAD" | "GET") =>
    probe(upstream, {
      target: { ...targetAt(upstream, request), method },
      accept: manifestTypes,
      limit: connect + headers,
      bodyLimit: longestManifest,
      signal,
    });
  const head = await send("HEAD");
  return isConclusive(head, request)
    ? recordOf(upstream, request, "HEAD", head)
    : recordOf(upstream, request, "GET", await send("GET"));
}

/** The words of a refusal are in a body. */
function isConclusive(probed: Probe, request: RegistryRequest): boolean {
  if (probed.failure !== undefined || probed.response.objection !== undefined) {
    return true;
  }
  return probed.status === 200
    ? provesManifest(probed) && digestIn(request, probed.headers) !== undefined
    : probed.status < 403 || probed.status === 404;
}

function recordOf(
  upstream: Upstream,
  request: RegistryRequest,
  method: "HEAD" | "GET",
  probed: Probe,
): ManifestRecord {
  const { name, kind, state: breaker } = upstream;
  const about = {
    name,
    kind,
    method,
    repository: "repository" in request.resource ? upstream.nameOf(request.resource.repository) : "",
    latency: Math.round(probed.latency * 10) / 10,
    breaker,
  };
  const outcome = outcomeOf(upstream, targetAt(upstream, request).wanted, method, probed);
  if (outcome.outcome === "failed") {
    const { status, cause } = outcome.failure;
    const answer = { ...about, ...(status !== undefined && { status }), outcome: "failed", cause } as const;
    return { answer, outcome, breaker };
  }
  const { status } = outcome.answer;
  const found = outcome.outcome === "found" && probed.failure === undefined ? describe(request, probed) : {};
  return { answer: { ...about, status, outcome: outcome.outcome, ...found }, outcome, breaker };
}

function outcomeOf(
  upstream: Upstream,
  wanted: Wanted | undefined,
  method: string,
  probed: Probe,
): QueryOutcome {
  if (probed.failure !== undefined) {
    return { outcome: "failed", failure: probed.failure };
  }
  const { response: answer, status, headers, body } = probed;
  const objection =
    answer.objection ?? (wanted && objectionTo(wanted, method, { status, headers, read: body }));
  if (objection !== undefined) {
    return objected(answer, objection);
  }
  const bytes = body ?? Buffer.alloc(0);
  return isFound(status) ? { outcome: "found", answer, body: bytes } : classified(upstream, answer, bytes);
}

function describe(
  request: RegistryRequest,
  { headers, body }: ProbeResponse,
): Pick<UpstreamAnswer, "digest" | "mediaType"> {
  const type = firstValue(headers, "content-type");
  const digest = digestIn(request, headers) ?? (body?.length ? sha256(body) : undefined);
  return {
    ...(digest !== undefined && { digest }),
    // A terminal shows this, and would act on control characters.
    ...(type !== undefined && { mediaType: quotable(type) }),
  };
}

/** The digest of the manifest, known without its body: it was requested by digest, or the upstream sent a valid header. */
function digestIn({ resource }: RegistryRequest, headers: RawHeaders): string | undefined {
  if (resource.kind === "manifest" && resource.byDigest) {
    return resource.reference;
  }
  const digest = firstValue(headers, "docker-content-digest");
  return digest !== undefined && isDigest(digest) ? digest : undefined;
}
