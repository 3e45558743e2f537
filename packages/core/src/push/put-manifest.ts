import { type CopyCount, copyMissing } from "../copy/missing.ts";
import { planCopy } from "../copy/requests.ts";
import { CopyFailure } from "../errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { readManifest } from "../http/request-body.ts";
import { mayLackParts, withFurtherError } from "../protocol/error-body.ts";
import { hasParts, longestManifest } from "../protocol/manifest.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import type { ErrorResponse } from "../pull/failover.ts";
import { manifestPut } from "../pull/invalidate.ts";
import type { ResolvedRule } from "../routing/ruling.ts";
import type { Services } from "../services.ts";
import { checkPushedTag } from "../shadow/on-push.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { afterAccept, type Push } from "./accepted.ts";
import { sendToHosted } from "./forward.ts";

/** Hosted's answer to a manifest, and what was done for it. */
interface PutResult {
  readonly said: ErrorResponse;
  /** For people; empty if nothing was. */
  readonly note: string;
}

/**
 * PUT of a manifest: it goes to hosted. If hosted lacks what the client was told that there is, because a proxy has it, that
 * is copied, and the manifest put once more.
 */
export async function pushManifest(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  { to, ruling }: { readonly to: Upstream; readonly ruling: ResolvedRule<Upstream> },
): Promise<void> {
  const body = await readManifest(exchange);
  const push = { to, body, type: exchange.request.headers["content-type"] };
  const tag = checkPushedTag(services, exchange, request, push);
  await tag.permit();
  const { said, note } = await putWithParts(services, exchange, request, push, ruling);
  const further: string[] = [];
  if (said.answer.status === 201) {
    further.push(...(await afterAccept(services, exchange, request, push, said.answer)));
    further.push(...(await tag.accepted()));
  }
  exchange.decision = { upstream: to.name, reason: `pushes go to hosted${note}` };
  relayBuffered(exchange, to, said, further);
}

async function putWithParts(
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  push: Push,
  ruling: ResolvedRule<Upstream>,
): Promise<PutResult> {
  const said = await put(services, exchange, request, push);
  if (!mayLackParts(said.answer.status, said.body.toString()) || !hasParts(push.body)) {
    return { said, note: "" };
  }
  const { repository = "" } = exchange;
  const where = { hosted: push.to, repository, from: repository };
  try {
    const copying = await planCopy(services, exchange, where, ruling);
    if (copying === undefined) {
      return { said, note: "" };
    }
    const count = await copyMissing(services, exchange, copying, {
      body: push.body,
      namespace: request.namespace,
    });
    // Even if nothing was lacking any more: another client's push may have brought it meanwhile.
    return { said: await put(services, exchange, request, push), note: describeCount(count) };
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
  services: Services,
  exchange: Exchange,
  request: RegistryRequest,
  { to, body }: Push,
): Promise<ErrorResponse> {
  let answer: UpstreamResponse;
  try {
    answer = await sendToHosted(to, { ...toUpstreamRequest(request, to, exchange), body });
  } finally {
    // Whatever came of it: hosted may have it.
    await manifestPut(services, request.resource, body);
  }
  // Registries name each part that they lack, so a refusal may be as long as a manifest.
  const text = await readUpTo(answer.body, longestManifest, to.timeouts.idle);
  return { answer, body: text ?? Buffer.alloc(0) };
}

/** Hosted's own refusal, and why the router could do nothing about it. */
function explained({ answer, body }: ErrorResponse, { isAbsent, message }: CopyFailure): ErrorResponse {
  const code = isAbsent ? "BLOB_UNKNOWN" : "UPSTREAM_FAILED";
  const text = withFurtherError(body.toString(), code, `not copied from proxies: ${message}`);
  return { answer, body: Buffer.from(text) };
}

function describeCount({ blobs, manifests }: CopyCount): string {
  return blobs + manifests === 0 ? "" : `; ${blobs} blobs and ${manifests} manifests copied from proxies`;
}
