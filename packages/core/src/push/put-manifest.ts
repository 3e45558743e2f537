import type { BlobCopier } from "../copy/blob.ts";
import { type CopyCount, copyMissing } from "../copy/missing-parts.ts";
import { type CopyContext, planCopy } from "../copy/requests.ts";
import { CopyFailure } from "../errors.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { readManifest } from "../http/request-body.ts";
import { mayLackParts, withFurtherError } from "../protocol/error-body.ts";
import type { RawHeaders } from "../protocol/headers.ts";
import { hasParts, longestManifest } from "../protocol/manifest.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { ErrorResponse } from "../pull/failover.ts";
import type { Invalidation } from "../pull/invalidate.ts";
import type { ResolvedRule } from "../routing/ruling.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type AcceptContext, acceptedTags, afterAccept, type Push } from "./accepted.ts";
import { pushed, sendToHosted } from "./forward.ts";

interface PushContext extends AcceptContext, CopyContext {
  readonly copier: BlobCopier;
  readonly invalidation: Invalidation;
}

/** The check whether a pushed tag is also at a proxy, with another digest. */
export interface PushedTag {
  /**
   * Waits for the result if the rule says `shadow: deny`.
   * @throws RegistryError DENIED
   */
  permit(): Promise<void>;
  /**
   * Reports the result, once hosted has the manifest.
   * @param tagsSet the tags that hosted has set
   * @returns `Warning` headers for the client
   */
  warnings(tagsSet: readonly string[]): Promise<RawHeaders>;
}

/**
 * Puts a manifest to hosted. Clients do not upload blobs that a proxy has, because the router said that they exist. If hosted
 * therefore lacks parts, they are copied, and the manifest is put once more.
 * @param checkTag called with the manifest before hosted gets it
 */
export async function pushManifest(
  context: PushContext,
  exchange: Exchange,
  request: RegistryRequest,
  { to, ruling }: { readonly to: Upstream; readonly ruling: ResolvedRule<Upstream> },
  checkTag: (push: Push) => PushedTag,
): Promise<Decision> {
  const body = await readManifest(exchange);
  const push = { to, body, type: exchange.request.headers["content-type"] };
  const tag = checkTag(push);
  await tag.permit();
  const { said, note } = await putWithParts(context, exchange, request, push, ruling);
  const further: string[] = [];
  if (said.answer.status === 201) {
    further.push(...(await afterAccept(context, exchange, request, push, said.answer)));
    further.push(...(await tag.warnings(acceptedTags(request.resource, said.answer.headers))));
  }
  return relayBuffered(exchange, `${pushed}${note}`, { upstream: to, ...said }, further);
}

/** @returns hosted's response, and a note for the reason about what was copied */
async function putWithParts(
  context: PushContext,
  exchange: Exchange,
  request: RegistryRequest,
  push: Push,
  ruling: ResolvedRule<Upstream>,
): Promise<{ readonly said: ErrorResponse; readonly note: string }> {
  const said = await put(context.invalidation, exchange, request, push);
  if (!mayLackParts(said.answer.status, said.body.toString()) || !hasParts(push.body)) {
    return { said, note: "" };
  }
  const { repository = "" } = exchange;
  const where = { hosted: push.to, repository, from: repository };
  try {
    const copying = await planCopy(context, exchange, where, ruling);
    if (copying === undefined) {
      return { said, note: "" };
    }
    const { namespace } = request;
    const count = await copyMissing(context.copier, copying, {
      body: push.body,
      signal: exchange.signal,
      afterAccept: (resource, manifest, answer) =>
        afterAccept(context, exchange, { resource, namespace }, { to: push.to, ...manifest }, answer),
    });
    // Also if nothing had to be copied: another push may have brought it meanwhile.
    return { said: await put(context.invalidation, exchange, request, push), note: describeCount(count) };
  } catch (error) {
    if (!(error instanceof CopyFailure)) {
      throw error;
    }
    if (!error.isAbsent) {
      exchange.problem = error;
    }
    return { said: explained(said, error), note: `; not copied from proxies: ${error.message}` };
  }
}

async function put(
  invalidation: Invalidation,
  exchange: Exchange,
  request: RegistryRequest,
  { to, body }: Push,
): Promise<ErrorResponse> {
  const asked = { ...toUpstreamRequest(request, to, exchange), body };
  let answer: UpstreamResponse;
  try {
    answer = await sendToHosted(to, asked);
  } finally {
    // Also after a failure: hosted may have the manifest.
    await invalidation.put(request.resource, body);
  }
  // Registries name each part that they lack, so a refusal may be as long as a manifest.
  const text = await readUpTo(answer.body, longestManifest, to.timeouts.idle);
  return { answer, body: text ?? Buffer.alloc(0) };
}

/** Hosted's error, with the reason why the parts could not be copied. */
function explained({ answer, body }: ErrorResponse, { isAbsent, message }: CopyFailure): ErrorResponse {
  const code = isAbsent ? "BLOB_UNKNOWN" : "UPSTREAM_FAILED";
  const text = withFurtherError(body.toString(), code, `not copied from proxies: ${message}`);
  return { answer, body: Buffer.from(text) };
}

function describeCount({ blobs, manifests }: CopyCount): string {
  return blobs + manifests === 0 ? "" : `; ${blobs} blobs and ${manifests} manifests copied from proxies`;
}
