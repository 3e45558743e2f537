import { RateLimiterMemory } from "rate-limiter-flexible";
import { authenticate } from "./users.mjs";

// In the memory of this process. Several processes need a shared store, such as RateLimiterRedis or RateLimiterPostgres.
const wrongPasswords = new RateLimiterMemory({ points: 10, duration: 60 });

/**
 * Checks a name and a password, from the login page or from docker. Returns `{ user }`, where `user` is undefined if the password is
 * wrong. After ten wrong passwords within a minute, an address has to wait for the end of the minute: `{ retryAfter }`, in seconds.
 */
export async function logIn(request, name, password) {
  // The address of the connection. Behind a load balancer set `app.set("trust proxy", ...)` to get the client's address; without it,
  // all clients share one count. (An IPv6 client has many addresses. If that matters, count by the first 64 bits.)
  const address = request.ip;
  const before = await secondsToWait(address);
  if (before > 0) {
    return { retryAfter: before };
  }
  const user = await authenticate(name, password);
  // Checked again: of a hundred guesses sent at once, those after the tenth wrong one must not learn the result.
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
