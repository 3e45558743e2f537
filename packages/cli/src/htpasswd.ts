import { readFile } from "node:fs/promises";
import type { AuthorizeHook, AuthorizeResult } from "@combined-registry/core";
import { fileProblem, isFileError, misuse } from "./failure.ts";
import { parseBasic } from "./htpasswd/basic.ts";
import { type Htpasswd, HtpasswdError, parseHtpasswd } from "./htpasswd/parse.ts";
import type { Judgement, Passwords } from "./htpasswd/passwords.ts";
import type { NamedFile } from "./load-config.ts";

/**
 * Reads an htpasswd file.
 * @throws Failure if it cannot be read or understood
 */
export async function readHtpasswd({ path, from }: NamedFile): Promise<Htpasswd> {
  try {
    const htpasswd = parseHtpasswd(await readFile(path, "utf8"));
    if (htpasswd.users.size === 0) {
      // A full disk, or a write that is not over: everybody would be locked out.
      throw misuse(
        `${from}: expected an htpasswd file with users, given ${JSON.stringify(path)} (nobody is in it)`,
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

/** Lets in who has a right password, and has those wait who have sent too many wrong ones. */
export function createAuthorize(passwords: Passwords, realm: string): AuthorizeHook {
  const challenge = {
    decision: "challenge",
    challenge: `Basic realm="${realm.replace(/["\\]/g, "\\$&")}", charset="UTF-8"`,
  } as const;
  return (request, { client }) => {
    const credentials = parseBasic(request.headers.authorization);
    if (credentials === undefined) {
      return challenge;
    }
    const { user, password } = credentials;
    const verdict = (judgement: Judgement): AuthorizeResult => {
      if (judgement === "right") {
        return { decision: "allow", user };
      }
      return judgement === "wrong" ? challenge : { decision: "throttle", ...judgement, message };
    };
    const sender = { address: client, left: () => request.socket.destroyed };
    const judgement = passwords.judge(user, password, sender);
    return judgement instanceof Promise ? judgement.then(verdict) : verdict(judgement);
  };
}

const message = "too many passwords to check, try again later";
