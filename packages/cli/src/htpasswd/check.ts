import { verify as verifyBcrypt } from "@node-rs/bcrypt";
import { type CheckHash, createCryptThread } from "./crypt-thread.ts";

/** Checks passwords against hashes of every kind, without work on the event loop. */
export function createCheck(checkCrypt: CheckHash = createCryptThread()): CheckHash {
  return (hash, password) =>
    hash.kind === "bcrypt" ? verifyBcrypt(password, hash.text) : checkCrypt(hash, password);
}
