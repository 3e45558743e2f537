import { text } from "node:stream/consumers";
import { hash } from "@node-rs/bcrypt";
import { misuse } from "../failure.ts";
import { writeNew } from "./write-new.ts";

export interface FirstUser {
  readonly name: string;
  readonly password: string;
}

// The default of `htpasswd -B` is 5. With 10, each guess costs about 50 ms.
const rounds = 10;
// Bytes. bcrypt ignores the rest.
const longestPassword = 72;

/** A problem with the name of a user, as the end of a sentence. */
export function nameProblem(name: string): string | undefined {
  return /^[^\s:#][^:\p{Cc}]*$/u.test(name) ? undefined : "expected a name without a colon";
}

/** A problem with a password, as the end of a sentence. */
export function passwordProblem(password: string): string | undefined {
  if (password === "" || /\p{Cc}/u.test(password)) {
    return "expected a password of one line";
  }
  return Buffer.byteLength(password) <= longestPassword
    ? undefined
    : `expected a password of at most ${longestPassword} bytes, as bcrypt ignores the rest`;
}

/** The password from standard input. A trailing newline is ignored. */
export async function passwordFromInput(input: NodeJS.ReadableStream): Promise<string> {
  return (await text(input)).replace(/\r?\n$/, "");
}

/**
 * Writes a file with one user, readable only by its owner.
 * @param user with a checked name
 * @throws Failure if the file exists or cannot be written, or the password is invalid
 */
export async function createUsersFile(file: string, { name, password }: FirstUser): Promise<void> {
  const problem = passwordProblem(password);
  if (problem !== undefined) {
    throw misuse(`the password: ${problem}`);
  }
  await writeNew(file, `${name}:${await hash(password, rounds)}\n`, { mode: 0o600 });
}
