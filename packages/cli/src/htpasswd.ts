import { readFile } from "node:fs/promises";
import type { AuthorizeHook, Logger } from "@combined-registry/core";
import { fileProblem, isFileError, misuse } from "./failure.ts";
import { parseBasic } from "./htpasswd/basic.ts";
import { createCryptThread } from "./htpasswd/crypt-thread.ts";
import { type Htpasswd, HtpasswdError, parseHtpasswd } from "./htpasswd/parse.ts";
import { remembering } from "./htpasswd/remember.ts";
import { createVerifier, type Verify } from "./htpasswd/verifier.ts";
import type { NamedFile } from "./load-config.ts";

/**
 * Reads an htpasswd file.
 * @throws Failure if it cannot be read or understood
 */
export async function readHtpasswd({ path, from }: NamedFile): Promise<Htpasswd> {
  try {
    return parseHtpasswd(await readFile(path, "utf8"));
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

/** Verifies the users of an htpasswd file off the event loop, and remembers who was right. */
export function createHtpasswdVerifier(htpasswd: Htpasswd, path: string, logger: Logger): Verify {
  for (const { line, user } of htpasswd.repeated) {
    logger.warn(
      { file: path, line, user },
      "htpasswd file: the user has an earlier line, this one has no effect",
    );
  }
  if (htpasswd.users.size === 0) {
    logger.warn({ file: path }, "htpasswd file: no users, so nobody gets in");
  }
  return remembering(createVerifier(htpasswd, createCryptThread()));
}

/** Lets in who has a right password. */
export function createAuthorize(verify: Verify, realm: string): AuthorizeHook {
  const challenge = {
    decision: "challenge",
    challenge: `Basic realm="${realm.replace(/["\\]/g, "\\$&")}", charset="UTF-8"`,
  } as const;
  return (request) => {
    const credentials = parseBasic(request.headers.authorization);
    if (credentials === undefined) {
      return challenge;
    }
    const { user, password } = credentials;
    const verdict = (right: boolean) => (right ? ({ decision: "allow", user } as const) : challenge);
    const right = verify(user, password);
    return typeof right === "boolean" ? verdict(right) : right.then(verdict);
  };
}
