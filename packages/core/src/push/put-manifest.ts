import type { BlobCopier } from "../copy/blob.ts";
import { type CopyCount, copyMissing } from "../copy/missing-parts.ts";
import { type CopyContext, type CopyJob, planCopy } from "../copy/requests.ts";
import { CopyFailure } from "../errors.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { readManifest } from "../http/request-body.ts";
import { mayLackParts, withFurtherError } from "../protocol/error-body.ts";
import { type ErrorCode, RegistryError } from "../protocol/errors.ts";
import type { RawHeaders } from "../protocol/headers.ts";
import { digestsIn, hasParts, longestManifest } from "../protocol/manifest.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { ErrorResponse } from "../pull/failover.ts";
import type { Invalidation } from "../pull/invalidate.ts";
import { isPolicyRefusal } from "../routing/classify.ts";
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
 * Puts a manifest to hosted. Clients do not upload blobs that a proxy has, because the router said that they exist. What hosted
 * therefore lacks is copied before.
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
  if (isSuccess(said.answer)) {
    further.push(...(await afterAccept(context, exchange, request, push, said.answer)));
    further.push(...(await tag.warnings(acceptedTags(request.resource, said.answer.headers))));
  }
  return relayBuffered(exchange, `${pushed}${note}`, { upstream: to, ...said }, further);
}

/** Registries answer 201; some answer another 2xx. */
function isSuccess({ status }: Pick<UpstreamResponse, "status">): boolean {
  return status >= 200 && status < 300;
}

interface PutResult {
  readonly said: ErrorResponse;
  /** For the reason: what was copied. */
  readonly note: string;
}

/** Puts a manifest. If hosted then says that it lacks a part, whatever is remembered, the parts are copied and it is put again. */
async function putWithParts(
  context: PushContext,
  exchange: Exchange,
  request: RegistryRequest,
  push: Push,
  ruling: ResolvedRule<Upstream>,
): Promise<PutResult> {
  const { pushedParts } = context.memory;
  const { repository = "" } = exchange;
  const isUnsure = digestsIn(push.body).some((part) => pushedParts.whereIs(repository, part) !== "hosted");
  const plan = () => planned(context, exchange, { hosted: push.to, repository, from: repository }, ruling);
  // Before hosted has the manifest: the repository would be hosted's own then.
  const early = isUnsure ? await plan() : undefined;
  const before = early === undefined ? undefined : await copyUnsure(context, exchange, request, push, early);
  const said = await put(context.invalidation, exchange, request, push);
  const lack = mayLackParts(said.answer.status, said.body.toString());
  const isSure = !isUnsure || before !== undefined;
  const isComplete = isSuccess(said.answer) || lack === "no" || (lack === "unlikely" && isSure);
  const copying = isComplete || !hasParts(push.body) ? undefined : (early ?? (await plan()));
  if (copying === undefined) {
    return { said, note: before === undefined ? "" : describeCount(before) };
  }
  try {
    const count = await copyParts(context, exchange, request, push, { copying, isRefused: true });
    const isAgain = lack === "likely" || count.blobs + count.manifests > 0;
    return {
      // Also if nothing had to be copied: another push may have brought it meanwhile.
      said: isAgain ? await put(context.invalidation, exchange, request, push) : said,
      note: describeCount(count),
    };
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

/**
 * Copies the parts that are not known to be at hosted, before it has the manifest: some registries accept a manifest without its parts.
 * If a copy failed then, a later HEAD would find the manifest at hosted, and no client would push it again.
 * @returns undefined if no part was looked for
 * @throws RegistryError if a part cannot be copied
 */
async function copyUnsure(
  context: PushContext,
  exchange: Exchange,
  request: RegistryRequest,
  push: Push,
  copying: CopyJob | CopyFailure,
): Promise<CopyCount | undefined> {
  const { pushedParts } = context.memory;
  const { repository = "" } = exchange;
  const isPromised = (part: string) => pushedParts.whereIs(repository, part) === "proxy";
  const isAnyPromised = digestsIn(push.body).some(isPromised);
  if (copying instanceof CopyFailure && !isAnyPromised) {
    return undefined;
  }
  try {
    return await copyParts(context, exchange, request, push, { copying, isRefused: false });
  } catch (error) {
    if (!(error instanceof CopyFailure)) {
      throw error;
    }
    if (error.isLimit && !isAnyPromised) {
      // Hosted may have all of it. If it does not, its refusal is the better answer.
      return undefined;
    }
    exchange.problem = error;
    const message = `not pushed: parts that a proxy has could not be copied to ${push.to.name}: ${error.message}`;
    throw new RegistryError(codeOf(error), { message, cause: error });
  }
}

/** As hosted would have answered the manifest itself. */
function codeOf({ isAbsent, isLimit, status = 502 }: CopyFailure): ErrorCode {
  if (isAbsent) {
    return "BLOB_UNKNOWN";
  }
  if (isLimit || status === 413) {
    return "SIZE_INVALID";
  }
  if (status === 429) {
    return "TOOMANYREQUESTS";
  }
  return isPolicyRefusal(status) ? "DENIED" : "UPSTREAM_FAILED";
}

/** @returns undefined if nothing may be copied; the failure, if that cannot be told */
async function planned(
  context: PushContext,
  exchange: Exchange,
  where: Pick<CopyJob, "hosted" | "repository" | "from">,
  ruling: ResolvedRule<Upstream>,
): Promise<CopyJob | CopyFailure | undefined> {
  try {
    return await planCopy(context, exchange, where, ruling);
  } catch (error) {
    if (error instanceof CopyFailure) {
      return error;
    }
    throw error;
  }
}

async function copyParts(
  context: PushContext,
  exchange: Exchange,
  { namespace }: RegistryRequest,
  push: Push,
  { copying, isRefused }: { readonly copying: CopyJob | CopyFailure; readonly isRefused: boolean },
): Promise<CopyCount> {
  const { pushedParts } = context.memory;
  const { repository = "" } = exchange;
  if (copying instanceof CopyFailure) {
    throw copying;
  }
  return await copyMissing(context.copier, copying, {
    body: push.body,
    signal: exchange.signal,
    // A refusal says that a part is missing, whatever is remembered.
    isAtHosted: (part) => !isRefused && pushedParts.whereIs(repository, part) === "hosted",
    // Images may be pushed without some parts on purpose, if nobody was told that they exist.
    mayBeAbsent: (part) => !isRefused && pushedParts.whereIs(repository, part) !== "proxy",
    arrived: (part) => pushedParts.learn("hosted", repository, part),
    afterAccept: (resource, manifest, answer) =>
      afterAccept(context, exchange, { resource, namespace }, { to: push.to, ...manifest }, answer),
  });
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
