import type { Semaphore } from "../concurrency/semaphore.ts";
import { UpstreamFailure } from "../errors.ts";
import { ownWords } from "../protocol/error-body.ts";
import { firstValue } from "../protocol/headers.ts";
import { sha256 } from "../protocol/names.ts";
import { provesManifest } from "../routing/classify.ts";
import type { RedirectFollower } from "./follow.ts";
import type { Send, UpstreamRequest } from "./request.ts";
import { errorBodyLimit, readUpTo } from "./transport/read-body.ts";
import { isRedirect } from "./transport/redirects.ts";
import type { UpstreamResponse } from "./transport/send.ts";
import type { UploadAddresses } from "./upload-addresses.ts";

/**
 * Sends at most so many requests at a time. A slot is free again with the head of the response, or with its end if that is read at once.
 * @param applies which requests take a slot
 * @returns throws UpstreamFailure (`queue-full`) at once if the queue is full; ClientAborted if a client leaves the queue
 */
export function limit(slots: Semaphore, applies: (request: UpstreamRequest) => boolean, next: Send): Send {
  return async (request) => {
    if (!applies(request)) {
      return next(request);
    }
    if (!slots.tryAcquire()) {
      if (slots.isFull) {
        throw new UpstreamFailure("queue-full", "queue full", { retryAfter: "1" });
      }
      await slots.acquire(request.signal);
    }
    try {
      return await next(request);
    } finally {
      slots.release();
    }
  };
}

export function follow(follower: RedirectFollower, next: Send): Send {
  return async (request) => {
    const response = await next(request);
    if (response.status < 300 || response.status >= 400 || !isRedirect(response)) {
      return response;
    }
    try {
      return follower.follows(request, response)
        ? await follower.followed(request, response, next)
        : response;
    } catch (error) {
      response.body.destroy();
      throw error;
    }
  };
}

/** The `Location` of a client's upload becomes an address of the router. */
export function readdress(addresses: UploadAddresses, next: Send): Send {
  return async (request) => {
    const response = await next(request);
    return request.opaque === true && request.from !== undefined
      ? { ...response, headers: addresses.forClients(request, response) }
      : response;
  };
}

// Milliseconds. A registry that was replaced by another one is not asked with GET for ever.
const headRefusalTtl = 600_000;
// HEAD is not implemented (405, 501), or refused for a reason that only a body tells.
const headRefusals = [402, 405, 406, 409, 412, 451, 501];

/**
 * Asks with GET where a registry refuses HEAD of a blob or manifest, or answers it with nothing that proves a manifest. A client gets the headers
 * that HEAD would have. The registry is then asked with GET at once. After a 403 that GET confirms without a reason, further ones count
 * as they are: registries answer 403 for names that they do not know.
 * @param clock monotonic milliseconds
 */
export function headByGet(
  client: { readonly idle: number },
  clock: { now(): number } = performance,
): (next: Send) => Send {
  let refusesHead = Number.NEGATIVE_INFINITY;
  let means403 = Number.NEGATIVE_INFINITY;
  return (next) => async (request) => {
    if (
      request.method !== "HEAD" ||
      (request.wanted?.kind !== "manifest" && request.wanted?.kind !== "blob")
    ) {
      return next(request);
    }
    if (request.wanted.kind === "blob") {
      return headOfBlob(request, next);
    }
    const now = clock.now();
    if (now - refusesHead > headRefusalTtl) {
      const head = await next(request);
      const isRefused =
        headRefusals.includes(head.status) || (head.status === 403 && now - means403 > headRefusalTtl);
      if (!isRefused && (head.status !== 200 || head.objection !== undefined || provesManifest(head))) {
        return head;
      }
      head.body.resume();
    }
    const answer = await next({ ...request, method: "GET" });
    if (answer.status === 200 && answer.objection === undefined) {
      refusesHead = now;
    }
    if (answer.status === 403) {
      const read = await readUpTo(answer.body, errorBodyLimit, client.idle);
      if (read === undefined || ownWords(read.toString()) === undefined) {
        means403 = now;
      }
      return { ...answer, read: read ?? Buffer.alloc(0) };
    }
    return asHead(answer);
  };
}

/** A GET tells the length of a blob as well. Its body is not read. */
async function headOfBlob(request: UpstreamRequest, next: Send): Promise<UpstreamResponse> {
  const head = await next(request);
  if (head.status !== 405 && head.status !== 501) {
    return head;
  }
  head.body.resume();
  return asHead(await next({ ...request, method: "GET" }));
}

/** The answer to HEAD, from one to GET. The body of an error stays, since it tells what the error means. */
function asHead(answer: UpstreamResponse): UpstreamResponse {
  const { status, headers, body, read } = answer;
  if (status >= 300) {
    return answer;
  }
  if (read === undefined) {
    body.destroy();
  }
  const hasDigest = read === undefined || firstValue(headers, "docker-content-digest") !== undefined;
  return {
    ...answer,
    headers: hasDigest ? headers : [...headers, "Docker-Content-Digest", sha256(read)],
    read: Buffer.alloc(0),
  };
}
