import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Verify } from "./verifier.ts";

/** How long and how much is remembered. */
export interface RememberOptions {
  /** Milliseconds. @default 300000 */
  readonly ttl?: number;
  /** Users. @default 10000 */
  readonly entries?: number;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

interface Remembered {
  readonly mark: Buffer;
  readonly until: number;
}

/**
 * Remembers right passwords, as every request of a client brings its password again. What is kept is a hash
 * under a key of this process alone. Wrong passwords are not remembered; equal checks at the same time are
 * one check.
 */
export function remembering(verify: Verify, options: RememberOptions = {}): Verify {
  const { ttl = 300_000, entries = 10_000, now = () => performance.now() } = options;
  const key = randomBytes(32);
  const right = new Map<string, Remembered>();
  const underWay = new Map<string, Promise<boolean>>();

  const isRemembered = (user: string, mark: Buffer): boolean => {
    const found = right.get(user);
    return found !== undefined && found.until > now() && timingSafeEqual(found.mark, mark);
  };

  const remember = (user: string, mark: Buffer) => {
    right.delete(user);
    right.set(user, { mark, until: now() + ttl });
    if (right.size > entries) {
      const [oldest] = right.keys();
      right.delete(oldest ?? user);
    }
  };

  const check = async (user: string, password: string, mark: Buffer): Promise<boolean> => {
    const verdict = await verify(user, password);
    if (verdict) {
      remember(user, mark);
    }
    return verdict;
  };

  return (user, password) => {
    const mark = createHmac("sha256", key).update(`${user}\0${password}`).digest();
    if (isRemembered(user, mark)) {
      return true;
    }
    const id = mark.toString("base64");
    const sharing = underWay.get(id);
    if (sharing !== undefined) {
      return sharing;
    }
    const checking = check(user, password, mark).finally(() => underWay.delete(id));
    underWay.set(id, checking);
    return checking;
  };
}
