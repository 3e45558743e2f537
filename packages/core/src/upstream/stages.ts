import type { Semaphore } from "../concurrency/semaphore.ts";
import { UpstreamFailure } from "../errors.ts";
import type { RedirectFollower } from "./follow.ts";
import type { Send, UpstreamRequest } from "./request.ts";
import { isRedirect } from "./transport/redirects.ts";
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
