import type { BlobCopier } from "../copy/blob.ts";
import { type CopyCount, copyMissing } from "../copy/missing-parts.ts";
import { type CopyContext, type CopyJob, planCopy } from "../copy/requests.ts";
import { CopyFailure } from "../errors.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { readManifest } from "../http/request-body.ts";
import { mayLackParts, withFurtherError } from "../protocol/error-body.ts";
import { RegistryError } from "../protocol/errors.ts";
import type { RawHeaders } from "../protocol/headers.ts";
import { digestsIn, hasParts, longestManifest } from "../protocol/manifest.ts";
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
 * therefore lacks parts, they are copied, and the manifest is put once more unless hosted has accepted it.
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
  const { said, note, incomplete } = await putWithParts(context, exchange, request, push, ruling);
  const further: string[] = [];
  if (isSuccess(said.answer)) {
    further.push(...(await afterAccept(context, exchange, request, push, said.answer)));
    if (incomplete !== undefined) {
      throw incomplete;
    }
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
  /** Hosted accepted the manifest without parts that it was promised to have, and these could not be copied. */
  readonly incomplete?: RegistryError;
}

/**
 * Puts a manifest, and copies what hosted lacks of it. Some registries accept a manifest without its parts, so a part that this process
 * does not know to be at hosted is looked for there also after hosted has accepted.
 */
async function putWithParts(
  context: PushContext,
  exchange: Exchange,
  request: RegistryRequest,
  push: Push,
  ruling: ResolvedRule<Upstream>,
): Promise<PutResult> {
  const { pushedParts } = context.memory;
  const { repository = "" } = exchange;
  const unsure = digestsIn(push.body).filter((part) => pushedParts.whereIs(repository, part) !== "hosted");
  const plan = () => planned(context, exchange, { hosted: push.to, repository, from: repository }, ruling);
  // Before hosted has the manifest: the repository would be hosted's own then.
  const early = unsure.length > 0 ? await plan() : undefined;
  const isPromised = unsure.some((part) => pushedParts.whereIs(repository, part) === "proxy");
  const before =
    early !== undefined && isPromised
      ? await copyPromised(context, exchange, request, push, early)
      : undefined;
  const said = await put(context.invalidation, exchange, request, push);
  const isAccepted = isSuccess(said.answer);
  const lack = isAccepted ? "unlikely" : mayLackParts(said.answer.status, said.body.toString());
  const isSure = unsure.length === 0 || before !== undefined;
  if (!hasParts(push.body) || lack === "no" || (lack === "unlikely" && isSure)) {
    return { said, note: before === undefined ? "" : describeCount(before) };
  }
  const copying = early ?? (isAccepted ? undefined : await plan());
  if (copying === undefined) {
    return { said, note: "" };
  }
  try {
    const count = await copyParts(context, exchange, request, push, { copying, isAccepted });
    const isAgain = lack === "likely" || (!isAccepted && count.blobs + count.manifests > 0);
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
    const note = `; not copied from proxies: ${error.message}`;
    if (!isAccepted) {
      return { said: explained(said, error), note };
    }
    const message = `${push.to.name} accepted the manifest without parts that a proxy has, and they could not be copied: ${error.message}. Push again`;
    return { said, note, incomplete: new RegistryError("UPSTREAM_FAILED", { message, cause: error }) };
  }
}

/**
 * Copies before hosted has the manifest. If hosted took it without its parts, and a copy failed, later pushes would find the manifest
 * there, and leave it so.
 * @throws RegistryError if a part that a client was told of cannot be copied
 */
async function copyPromised(
  context: PushContext,
  exchange: Exchange,
  request: RegistryRequest,
  push: Push,
  copying: CopyJob | CopyFailure,
): Promise<CopyCount> {
  try {
    return await copyParts(context, exchange, request, push, { copying, isAccepted: true });
  } catch (error) {
    if (!(error instanceof CopyFailure)) {
      throw error;
    }
    const message = `not pushed: parts that a proxy has could not be copied to ${push.to.name}: ${error.message}. Push again`;
    throw new RegistryError(error.isAbsent ? "BLOB_UNKNOWN" : "UPSTREAM_FAILED", { message, cause: error });
  }
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
  { copying, isAccepted }: { readonly copying: CopyJob | CopyFailure; readonly isAccepted: boolean },
): Promise<CopyCount> {
  const { pushedParts } = context.memory;
  const { repository = "" } = exchange;
  const parts = digestsIn(push.body);
  if (copying instanceof CopyFailure) {
    if (isAccepted && !parts.some((part) => pushedParts.whereIs(repository, part) === "proxy")) {
      return { blobs: 0, manifests: 0 };
    }
    throw copying;
  }
  const count = await copyMissing(context.copier, copying, {
    body: push.body,
    signal: exchange.signal,
    // A refusal says that a part is missing, whatever is remembered.
    isAtHosted: (part) => isAccepted && pushedParts.whereIs(repository, part) === "hosted",
    // Images may be pushed without some parts on purpose, if nobody was told that they exist.
    mayBeAbsent: (part) => isAccepted && pushedParts.whereIs(repository, part) !== "proxy",
    arrived: (part) => pushedParts.learn("hosted", repository, part),
    afterAccept: (resource, manifest, answer) =>
      afterAccept(context, exchange, { resource, namespace }, { to: push.to, ...manifest }, answer),
  });
  return count;
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
