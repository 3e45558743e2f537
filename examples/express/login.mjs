import { RateLimiterMemory } from "rate-limiter-flexible";
import { authenticate } from "./users.mjs";

// Kept in this process. Several of them count together with RateLimiterRedis, RateLimiterPostgres and the like.
const wrongPasswords = new RateLimiterMemory({ points: 10, duration: 60 });

/**
 * Who has sent name and password, by a page or as docker does: `{ user }`, which is undefined if the password is wrong. Whose
 * address has sent ten wrong ones within a minute has to wait for the minute's end: `{ retryAfter }`, in seconds.
 */
export async function logIn(request, name, password) {
  // Of the connection. Behind a load balancer, `app.set("trust proxy", ...)` makes it the client's: else all clients are one.
  // (Whoever has an IPv6 network has many addresses. Where that matters, count the first 64 bits of them.)
  const address = request.ip;
  const before = await secondsToWait(address);
  if (before > 0) {
    return { retryAfter: before };
  }
  const user = await authenticate(name, password);
  // Of a hundred guesses sent at once, those beyond the tenth wrong one are not told whether they are right.
  const after = await secondsToWait(address);
  if (after > 0) {
    return { retryAfter: after };
  }
  if (user === undefined) {
    await wrongPasswords.penalty(address);
  }
  return { user };
}

async function secondsToWait(address) {
  const counted = await wrongPasswords.get(address);
  return counted === null || counted.remainingPoints > 0 ? 0 : Math.ceil(counted.msBeforeNext / 1_000);
}
