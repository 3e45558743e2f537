import { createHash, timingSafeEqual } from "node:crypto";
import md5Crypt from "apache-md5";
import desCrypt from "unix-crypt-td-js";
import type { PasswordHash } from "./file.ts";

/** Checks a password against every kind of hash but bcrypt. MD5 crypt takes a millisecond or more, so this runs in a worker thread. */
export function checkCrypt({ kind, text }: PasswordHash, password: string): boolean {
  switch (kind) {
    case "md5":
      // The package treats each character as one byte.
      return same(md5Crypt(Buffer.from(password).toString("latin1"), text), text);
    case "crypt":
      return same(desCrypt([...Buffer.from(password)], text.slice(0, 2)), text);
    case "sha":
      return same(`{SHA}${createHash("sha1").update(password).digest("base64")}`, text);
    case "ssha":
      return checkSalted(Buffer.from(text.slice("{SSHA}".length), "base64"), password);
    case "bcrypt":
      throw new TypeError("bcrypt is not computed here");
  }
}

const sha1Length = 20;

function checkSalted(digestAndSalt: Buffer, password: string): boolean {
  const digest = createHash("sha1").update(password).update(digestAndSalt.subarray(sha1Length)).digest();
  return timingSafeEqual(digest, digestAndSalt.subarray(0, sha1Length));
}

function same(computed: string, expected: string): boolean {
  const [a, b] = [Buffer.from(computed), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
