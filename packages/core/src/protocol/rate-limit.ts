import { firstValue, type RawHeaders } from "./headers.ts";

/**
 * How many more requests an upstream grants for now; undefined if it does not say. Docker Hub writes
 * `ratelimit-remaining: 99;w=21600`, others the number alone; of several limits the first counts.
 */
export function rateLimitRemaining(headers: RawHeaders): number | undefined {
  const count = /^\s*(\d{1,15})\s*(?:[;,]|$)/.exec(firstValue(headers, "ratelimit-remaining") ?? "")?.[1];
  return count === undefined ? undefined : Number(count);
}
