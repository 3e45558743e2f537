import { verify as verifyBcrypt } from "@node-rs/bcrypt";
import type { CheckHash } from "./crypt-thread.ts";
import type { Htpasswd } from "./parse.ts";

/** Whether this is a user's password. Nothing but a lookup when the answer is not a promise. */
export type Verify = (user: string, password: string) => boolean | Promise<boolean>;

/**
 * MD5 crypt hashes the whole password 1000 times over; nobody's has a kilobyte (`htpasswd` takes 255 bytes),
 * and a header may have 64.
 */
const longestPassword = 1024;

/** Verifies against the users of an htpasswd file, without work on the event loop. */
export function createVerifier({ users }: Htpasswd, checkCrypt: CheckHash): Verify {
  // Somebody who does not exist costs what somebody who does exist costs, or the time would tell which is which.
  const [decoy] = users.values();
  return async (user, password) => {
    const known = users.get(user);
    const hash = known ?? decoy;
    if (hash === undefined || Buffer.byteLength(password) > longestPassword) {
      return false;
    }
    const right =
      hash.kind === "bcrypt" ? await verifyBcrypt(password, hash.text) : await checkCrypt(hash, password);
    return right && known !== undefined;
  };
}
