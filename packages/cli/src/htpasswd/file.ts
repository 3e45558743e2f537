import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileProblem, isFileError, misuse } from "../failure.ts";
import type { NamedFile } from "../load-config.ts";

export type HashKind = "bcrypt" | "md5" | "sha" | "ssha" | "crypt";

export interface PasswordHash {
  readonly kind: HashKind;
  readonly text: string;
}

export interface Htpasswd {
  readonly users: ReadonlyMap<string, PasswordHash>;
  /** Lines without effect, because an earlier line has the same user. */
  readonly repeated: readonly { readonly line: number; readonly user: string }[];
}

/** A line that cannot be used. The message has the reason, but never the text of the line, which is secret. */
export class HtpasswdError extends Error {
  override readonly name = "HtpasswdError";
  readonly line: number;

  constructor(line: number, problem: string) {
    super(`line ${line}: ${problem}`);
    this.line = line;
  }
}

const formats: readonly (readonly [HashKind, RegExp])[] = [
  ["bcrypt", /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./0-9A-Za-z]{53}$/],
  ["md5", /^\$(?:apr1|1)\$[^$]{1,8}\$[./0-9A-Za-z]{22}$/],
  ["sha", /^\{SHA\}[+/0-9A-Za-z]{27}=$/],
  // 20 bytes of digest and at least one of salt.
  ["ssha", /^\{SSHA\}(?=[+/0-9A-Za-z]{28})(?:[+/0-9A-Za-z]{4})*(?:[+/0-9A-Za-z]{2}==|[+/0-9A-Za-z]{3}=)?$/],
  ["crypt", /^[./0-9A-Za-z]{13}$/],
];

const advice = 'make the entry anew with "htpasswd -B"';

/**
 * Reads an htpasswd file: `user:hash` per line, where nginx lets a comment follow after another colon.
 * Of several lines for one user the first counts, as in Apache.
 * @throws HtpasswdError if a line is not an entry, or its hash of no known kind
 */
export function parseHtpasswd(content: string): Htpasswd {
  const users = new Map<string, PasswordHash>();
  const repeated: { line: number; user: string }[] = [];
  for (const [index, text] of content
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const line = index + 1;
    if (text.trim() === "" || text.startsWith("#")) {
      continue;
    }
    const { user, hash } = parseEntry(text, line);
    if (users.has(user)) {
      repeated.push({ line, user });
    } else {
      users.set(user, hash);
    }
  }
  return { users, repeated };
}

/**
 * Reads an htpasswd file.
 * @throws Failure if it cannot be read or understood
 */
export async function readHtpasswd({ path, from }: NamedFile): Promise<Htpasswd> {
  try {
    const htpasswd = parseHtpasswd(await readFile(path, "utf8"));
    if (htpasswd.users.size === 0) {
      // A full disk or an unfinished write. Using it would lock all users out.
      throw misuse(
        `${from}: expected an htpasswd file with users, given ${JSON.stringify(path)} (it has no users)`,
      );
    }
    return htpasswd;
  } catch (error) {
    if (error instanceof HtpasswdError) {
      throw misuse(`${from}: htpasswd file ${path}, ${error.message}`);
    }
    if (isFileError(error)) {
      throw misuse(
        `${from}: expected a readable htpasswd file, given ${JSON.stringify(path)} (${fileProblem(error)})`,
      );
    }
    throw error;
  }
}

function parseEntry(text: string, line: number): { user: string; hash: PasswordHash } {
  const [user = "", hash] = text.trimEnd().split(":");
  if (user === "" || hash === undefined) {
    throw new HtpasswdError(line, "expected user:hash");
  }
  const kind = formats.find(([, format]) => format.test(hash))?.[0];
  if (kind === undefined) {
    throw new HtpasswdError(line, problemWith(hash));
  }
  return { user, hash: { kind, text: hash } };
}

function problemWith(hash: string): string {
  if (/^\{PLAIN\}/i.test(hash)) {
    return `the password is in plain text; ${advice}`;
  }
  const scheme = /^\$[0-9a-z-]+\$|^\{[A-Z0-9-]+\}/.exec(hash)?.[0];
  return scheme === undefined
    ? `expected a bcrypt, apr1, SHA, SSHA or crypt hash, found none (a password in plain text?); ${advice}`
    : `a hash of kind ${scheme} that is damaged or not supported; ${advice}`;
}

export interface Entry {
  /** Undefined if the file has no users at all. */
  readonly hash: PasswordHash | undefined;
  /** False if the hash is a decoy: then every password is wrong. */
  readonly known: boolean;
}

/**
 * The users of an htpasswd file. An unknown name gets the hash of another user as a decoy, always the same one. Kinds and costs differ
 * from line to line, so a fixed decoy would take another time to check, and reveal which users exist.
 */
export class UserTable {
  readonly #users: ReadonlyMap<string, PasswordHash>;
  readonly #hashes: readonly PasswordHash[];
  /** Derived from the file, so that all routers with the same file choose the same decoys. */
  readonly #key: Buffer;

  constructor({ users }: Pick<Htpasswd, "users">) {
    this.#users = users;
    this.#hashes = [...users.values()];
    this.#key = createHash("sha256")
      .update(this.#hashes.map(({ text }) => text).join("\n"))
      .digest();
  }

  find(name: string): Entry {
    const hash = this.#users.get(name);
    return hash === undefined ? { hash: this.#decoyFor(name), known: false } : { hash, known: true };
  }

  #decoyFor(name: string): PasswordHash | undefined {
    const number = createHmac("sha256", this.#key).update(name).digest().readUInt32BE();
    return this.#hashes[number % this.#hashes.length];
  }
}
