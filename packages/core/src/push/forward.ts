import type { Memory } from "../cache/memory.ts";
import { UpstreamFailure } from "../errors.ts";
import type { Decision, Exchange } from "../http/exchange.ts";
import { relay } from "../http/relay.ts";
import { hasBody, requireUnread } from "../http/request-body.ts";
import type { RegistryRequest } from "../protocol/request.ts";
import { errorFrom } from "../pull/respond.ts";
import { reportOf } from "../upstream/query-outcome.ts";
import { toUpstreamRequest, type UpstreamRequest } from "../upstream/request.ts";
import type { UpstreamResponse } from "../upstream/transport/send.ts";
import type { Upstream } from "../upstream/upstream.ts";

export interface ForwardContext {
  readonly memory: Memory<Upstream>;
}

/** The reason of the decision. */
export const pushed = "pushes go to hosted";

/** Streams an upload to hosted, and hosted's response back. */
export async function forward(
  { memory: { pushedParts } }: ForwardContext,
  exchange: Exchange,
  request: RegistryRequest,
  to: Upstream,
): Promise<Decision> {
  requireUnread(exchange.request);
  const asked = toUpstreamRequest(request, to, exchange);
  const upload = {
    request: exchange.request,
    response: exchange.response,
    transferred: (bytes: number) => {
      exchange.transferred.up += bytes;
    },
  };
  // Without a body, the request can be sent again after a closed connection or an expired token.
  const answer = await sendToHosted(to, hasBody(exchange.request) ? { ...asked, upload } : asked);
  const digest = answer.status === 201 ? finishedDigest(request) : undefined;
  if (digest !== undefined && exchange.repository !== undefined) {
    pushedParts.learn("hosted", exchange.repository, digest);
  }
  return relay(exchange, pushed, { upstream: to, answer });
}

/** The blob of an upload that this request ends, or of a mount (distribution-spec 1.1, "Pushing blobs"). */
function finishedDigest({ search }: RegistryRequest): string | undefined {
  const query = new URLSearchParams(search);
  const named = query.has("digest") ? query.getAll("digest") : query.getAll("mount");
  // Of two digests, it is not known which one the registry took.
  return named.length === 1 ? named[0] : undefined;
}

/**
 * Sends a request whose response goes to the client, whatever its status. A challenge does not: it is for the router's credentials.
 * @throws RegistryError if there is no response, or the router was refused; ClientAborted
 */
export async function sendToHosted(to: Upstream, request: UpstreamRequest): Promise<UpstreamResponse> {
  let answer: UpstreamResponse;
  try {
    answer = await to.send(request);
  } catch (error) {
    throw error instanceof UpstreamFailure ? errorFrom(to, error.report) : error;
  }
  if (answer.status === 401 && !to.passthrough) {
    answer.body.destroy();
    throw errorFrom(to, reportOf(to, answer));
  }
  return answer;
}
