import type { RateLimitOptions } from "../options.ts";
import type { Context } from "./context.ts";
import { ProtocolError } from "./error.ts";
import type { Reply } from "./reply.ts";
import type { Route } from "./route.ts";

const usualWindow = 21_600;

/** Counts pulls, as Docker Hub does: each GET of a manifest is one, HEAD is free and tells how many are left. */
export class RateLimit {
  #pulls = 0;
  #until = 0;

  /** @throws ProtocolError TOOMANYREQUESTS once there are none left */
  count({ options: { rateLimit }, method }: Context, route: Route): void {
    if (rateLimit === undefined || route.kind !== "manifest" || method !== "GET") {
      return;
    }
    const { pulls, window = usualWindow, retryAfter = window } = rateLimit;
    if (performance.now() >= this.#until) {
      this.#pulls = 0;
      this.#until = performance.now() + window * 1000;
    }
    if (this.#pulls >= pulls) {
      const headers = { ...this.#headers(rateLimit), "Retry-After": String(retryAfter) };
      throw new ProtocolError("TOOMANYREQUESTS", null, headers);
    }
    this.#pulls += 1;
  }

  /** The answer with what is left; only manifests tell. */
  shown({ options: { rateLimit } }: Context, route: Route, reply: Reply): Reply {
    return rateLimit === undefined || route.kind !== "manifest"
      ? reply
      : { ...reply, headers: { ...reply.headers, ...this.#headers(rateLimit) } };
  }

  #headers({ pulls, window = usualWindow }: RateLimitOptions): Record<string, string> {
    return {
      "RateLimit-Limit": `${pulls};w=${window}`,
      "RateLimit-Remaining": `${pulls - this.#pulls};w=${window}`,
    };
  }
}
