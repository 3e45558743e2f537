/** How a password is hashed. */
export type HashKind = "bcrypt" | "md5" | "sha" | "ssha" | "crypt";

/** A hashed password as an htpasswd file has it. */
export interface PasswordHash {
  readonly kind: HashKind;
  readonly text: string;
}

/** What an htpasswd file says. */
export interface Htpasswd {
  readonly users: ReadonlyMap<string, PasswordHash>;
  /** Lines that have no effect, as an earlier one has the same user. */
  readonly repeated: readonly { readonly line: number; readonly user: string }[];
}

/** A line that cannot be used. Says which one and why, never what is in it. */
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
