import type { BlobCopier } from "../copy/blob.ts";
import { type CopyContext, type CopyTarget, copyTarget, planCopy } from "../copy/requests.ts";
import { cancel, sessionOf } from "../copy/upload.ts";
import { CopyFailure } from "../errors.ts";
import { type Decision, type Exchange, entryPointOf } from "../http/exchange.ts";
import { relayBuffered } from "../http/relay.ts";
import { hasBody } from "../http/request-body.ts";
import { send } from "../http/respond.ts";
import type { RawHeaders } from "../protocol/headers.ts";
import { type Mount, type RegistryRequest, withoutMount } from "../protocol/request.ts";
import type { Policy } from "../routing/policy.ts";
import { toUpstreamRequest } from "../upstream/request.ts";
import { errorBodyLimit, readUpTo } from "../upstream/transport/read-body.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type ForwardContext, forward, pushed, sendToHosted } from "./forward.ts";

interface MountContext extends CopyContext, ForwardContext {
  readonly policy: Policy<Upstream>;
  readonly copier: BlobCopier;
}

/**
 * `POST ?mount=<digest>&from=<repository>`: hosted is asked first. If it does not have the blob, the blob is copied from a proxy.
 * Without `from`, only hosted can know in which repositories it has a blob.
 */
export async function mount(
  context: MountContext,
  exchange: Exchange,
  request: RegistryRequest,
  { to, mount: { digest, from } }: { readonly to: Upstream; readonly mount: Mount },
): Promise<Decision> {
  if (from === undefined || !context.config.copy || hasBody(exchange.request)) {
    return forward(context, exchange, request, to);
  }
  const answer = await mountOrBegin(exchange, request, to);
  const body = (await readUpTo(answer.body, errorBodyLimit, to.timeouts.idle)) ?? Buffer.alloc(0);
  const { isCopied, note } =
    answer.status === 202
      ? await takeOver(context, exchange, request, { hosted: to, from, digest, begun: answer.headers })
      : { isCopied: false, note: "" };
  if (isCopied || answer.status === 201) {
    context.memory.pushedParts.learn("hosted", exchange.repository ?? "", digest);
  }
  if (!isCopied) {
    return relayBuffered(exchange, `${pushed}${note}`, { upstream: to, answer, body });
  }
  const decision = { upstream: to.name, reason: `copied from ${from} of a proxy` };
  return send(exchange, decision, {
    status: 201,
    headers: ["Location", `/v2/${exchange.repository}/blobs/${digest}`, "Docker-Content-Digest", digest],
    body: "",
  });
}

// A mount is optional, and so is the right to it: an upload may still be possible.
const mountRefusals = [400, 403, 404, 405, 501];

/** Asks hosted for the mount. If hosted refuses it, the upload begins without one, as the specification lets registries do. */
async function mountOrBegin(
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<UpstreamResponse> {
  const mounted = await sendToHosted(to, toUpstreamRequest(request, to, exchange));
  if (!mountRefusals.includes(mounted.status)) {
    return mounted;
  }
  await readUpTo(mounted.body, errorBodyLimit, to.timeouts.idle);
  return sendToHosted(to, toUpstreamRequest(withoutMount(request), to, exchange));
}

/** A mount that hosted answered with a new upload session. */
interface NotMounted {
  readonly hosted: Upstream;
  readonly from: string;
  readonly digest: string;
  readonly begun: RawHeaders;
}

/** Copies the blob, by the rules of the repository that it comes from. If it cannot, the client uploads to the session of hosted. */
async function takeOver(
  context: MountContext,
  exchange: Exchange,
  request: RegistryRequest,
  { hosted, from, digest, begun }: NotMounted,
): Promise<{ readonly isCopied: boolean; readonly note: string }> {
  const { repository = "", signal } = exchange;
  const source = context.policy.rulingFor(from, entryPointOf(exchange, request));
  try {
    const copying = await planCopy(context, exchange, { hosted, repository, from }, source);
    if (copying === undefined) {
      return { isCopied: false, note: "" };
    }
    await context.copier.copy(copying, { digest, size: undefined }, signal);
    cancelSession(copying, begun);
    return { isCopied: true, note: "" };
  } catch (error) {
    if (!(error instanceof CopyFailure)) {
      // A client that has left does not know the session.
      cancelSession(copyTarget(exchange, hosted, repository), begun);
      throw error;
    }
    if (!error.isAbsent) {
      exchange.problem = error;
    }
    return { isCopied: false, note: `; not mounted from proxies: ${error.message}` };
  }
}

/** Cancels the session that hosted has begun and no client will use. */
function cancelSession(target: CopyTarget, headers: RawHeaders): void {
  try {
    cancel(target, sessionOf(target, { headers }));
  } catch {
    // Hosted gave no usable Location. The session expires there.
  }
}
