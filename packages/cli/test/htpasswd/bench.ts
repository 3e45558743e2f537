import type { Logger } from "@combined-registry/core";
import { expect } from "@jest/globals";
import { parseHtpasswd } from "../../src/htpasswd/file.ts";
import { createPasswords, type PasswordsOptions, type VerifyResult } from "../../src/htpasswd/passwords.ts";
import type { Sender, ThrottleOptions } from "../../src/htpasswd/throttle.ts";
import type { VerifyHash } from "../../src/htpasswd/verify.ts";
import { within } from "../support/within.ts";

/** Somebody who stays for the answer, unless told otherwise. */
export function senderAt(address: string, left = () => false): Sender {
  return { address, left };
}

/** A check that somebody has asked for, and that ends when the test says so. */
export interface HeldCheck {
  readonly hash: string;
  readonly password: string;
  answer(right: boolean): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** Checks that wait for the test to answer them. */
export function holdChecks() {
  const asked: HeldCheck[] = [];
  const check: VerifyHash = ({ text }, password) =>
    new Promise((resolve, reject) => {
      // What follows from an answer has happened when the microtasks are done.
      const settle = (done: () => void) => {
        done();
        return new Promise<void>((next) => setImmediate(next));
      };
      asked.push({
        hash: text,
        password,
        answer: (right) => settle(() => resolve(right)),
        fail: (error) => settle(() => reject(error)),
      });
    });
  return { asked, check };
}

/** A logger that keeps its warnings. */
export function keepWarnings() {
  const warnings: { readonly fields: object; readonly message: string }[] = [];
  const silent = () => {};
  const logger: Logger = {
    debug: silent,
    info: silent,
    warn: (fields, message) => void warnings.push({ fields, message }),
    error: silent,
  };
  return { logger, warnings };
}

/** Hashes of every user by name, told apart by their salt. Nothing computes them. */
export function hashOf(user: string): string {
  return `$2b$04$${user.padEnd(53, ".")}`;
}

/** A file with these users. */
export function fileOf(...users: readonly string[]) {
  return parseHtpasswd(users.map((user) => `${user}:${hashOf(user)}`).join("\n"));
}

/** Passwords of alice and bob, whose checks the test answers, by a clock that the test sets. */
export function setUp(options: PasswordsOptions & ThrottleOptions = {}) {
  const clock = { now: 0 };
  const { asked, check } = holdChecks();
  const { logger, warnings } = keepWarnings();
  const passwords = createPasswords(logger, { check, concurrent: 1, now: () => clock.now, ...options });
  passwords.use(fileOf("alice", "bob"), "htpasswd", options);
  const verify = (user: string, password: string, address = "192.0.2.1", left = () => false) =>
    passwords.verify(user, password, senderAt(address, left));
  return { clock, asked, warnings, passwords, verify };
}

/** A result, or a failure if it takes too long. */
export const settled = (result: VerifyResult | Promise<VerifyResult>) =>
  within(Promise.resolve(result), "the result");

/** Sends wrong passwords, each checked before the next. */
export async function beWrong(
  { verify, asked }: ReturnType<typeof setUp>,
  times: number,
  user = "mallory",
  address?: string,
) {
  for (let count = 0; count < times; count += 1) {
    const result = verify(user, `wrong ${count}`, address);
    await asked.at(-1)?.answer(false);
    expect(await settled(result)).toBe("wrong");
  }
}
