import type { AuthorizeHook, AuthorizeResult } from "@combined-registry/core";

import type { Passwords, VerifyResult } from "./passwords.ts";

/** The hook that lets users with a correct password in, and throttles clients that send too many wrong ones. */
export function createAuthorize(passwords: Passwords, realm: string): AuthorizeHook {
  const challenge = {
    decision: "challenge",
    challenge: `Basic realm="${realm.replace(/["\\]/g, "\\$&")}", charset="UTF-8"`,
  } as const;
  return (request, { client }) => {
    const { authorization } = request.headers;
    const credentials = parseBasic(authorization);
    if (credentials === undefined) {
      return { ...challenge, message: authorization === undefined ? noPassword : notBasic };
    }
    const { user, password } = credentials;
    const authorizeResult = (result: VerifyResult): AuthorizeResult => {
      if (result === "right") {
        return { decision: "allow", user };
      }
      return result === "wrong"
        ? { ...challenge, message: wrongPassword }
        : { decision: "throttle", ...result, message: tooMany };
    };
    const sender = { address: client, left: () => request.socket.destroyed };
    const result = passwords.verify(user, password, sender);
    return result instanceof Promise ? result.then(authorizeResult) : authorizeResult(result);
  };
}

// In the log too. A name that no user has is not told from a wrong password.
const noPassword = "no user and password were sent";
const notBasic = "the Authorization header holds no user and password";
const wrongPassword = "wrong user or password";
const tooMany = "too many passwords to check, try again later";

export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

const token = /^basic +((?:[+/0-9A-Za-z]{4})*(?:[+/0-9A-Za-z]{2}==|[+/0-9A-Za-z]{3}=)?)$/i;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what RFC 7617 section 2 forbids.
const controls = /[\x00-\x1f\x7f]/;

/** Reads `Authorization: Basic` (RFC 7617, UTF-8). Undefined for other schemes and malformed values. */
export function parseBasic(header: string | undefined): BasicCredentials | undefined {
  const encoded = token.exec(header ?? "")?.[1];
  const decoded = encoded === undefined ? undefined : decode(encoded);
  const colon = decoded?.indexOf(":") ?? -1;
  if (decoded === undefined || colon < 1 || controls.test(decoded)) {
    return undefined;
  }
  // RFC 7617: the name has no colon, the password may.
  return { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function decode(encoded: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(encoded, "base64"));
  } catch {
    return undefined;
  }
}
