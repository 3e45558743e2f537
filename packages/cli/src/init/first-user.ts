import { text } from "node:stream/consumers";
import { hash } from "@node-rs/bcrypt";
import { misuse } from "../failure.ts";
import { writeNew } from "./write-new.ts";

/** Whom a new file of users begins with. */
export interface FirstUser {
  readonly name: string;
  readonly password: string;
}

// What `htpasswd -B` takes costs 5; 10 costs a guess some 50 ms.
const rounds = 10;
// bcrypt looks at no more.
const longestPassword = 72;

/** What is wrong with a user's name, as the end of a sentence. */
export function nameProblem(name: string): string | undefined {
  return /^[^\s:#][^:\p{Cc}]*$/u.test(name) ? undefined : "expected a name without a colon";
}

/** What is wrong with a password. */
export function passwordProblem(password: string): string | undefined {
  if (password === "" || /\p{Cc}/u.test(password)) {
    return "expected a password of one line";
  }
  return Buffer.byteLength(password) <= longestPassword
    ? undefined
    : `expected a password of at most ${longestPassword} bytes, as bcrypt looks at no more`;
}

/** The password that is piped in, without the newline at its end. */
export async function passwordFromInput(input: NodeJS.ReadableStream): Promise<string> {
  return (await text(input)).replace(/\r?\n$/, "");
}

/**
 * Writes a file with one user, for the eyes of its owner.
 * @param user whose name has been looked at
 * @throws Failure if the file is there already or cannot be written, or the password will not do
 */
export async function createUsersFile(file: string, { name, password }: FirstUser): Promise<void> {
  const problem = passwordProblem(password);
  if (problem !== undefined) {
    throw misuse(`the password: ${problem}`);
  }
  await writeNew(file, `${name}:${await hash(password, rounds)}\n`, { mode: 0o600 });
}
