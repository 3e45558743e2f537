import { describe, expect, test } from "@jest/globals";
import { HtpasswdError, parseHtpasswd } from "../../src/htpasswd/file.ts";
import { fixtures } from "./fixtures.ts";

const sha = "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=";

describe("entries", () => {
  test.each(fixtures)("$tool is recognised: $hash", ({ hash }) => {
    expect(parseHtpasswd(`alice:${hash}\n`).users.get("alice")?.text).toBe(hash);
  });

  test("comments, blank lines, Windows line ends, a byte order mark and a missing last newline are no obstacle", () => {
    const { users } = parseHtpasswd(`\uFEFF# people\r\n\r\nalice:${sha}\r\n   \n#bob:${sha}\ncarol:${sha}`);
    expect([...users.keys()]).toEqual(["alice", "carol"]);
  });

  test("what follows another colon is a comment, as in nginx", () => {
    expect(parseHtpasswd(`alice:${sha}:works nights`).users.get("alice")?.text).toBe(sha);
  });

  test("of two lines for one user the first counts and the other is reported", () => {
    const { users, repeated } = parseHtpasswd(`alice:${sha}\nalice:It1Jg0fcrshLY\n`);
    expect(users.get("alice")?.kind).toBe("sha");
    expect(repeated).toEqual([{ line: 2, user: "alice" }]);
  });

  test("an empty file has no users", () => {
    expect(parseHtpasswd("").users.size).toBe(0);
  });
});

describe("what is refused names the line and keeps its content to itself", () => {
  const secret = "hunter2secret!";
  test.each([
    ["plain text", `alice:${secret}`, /^line 3: expected a bcrypt, apr1, SHA, SSHA or crypt hash/],
    ["{PLAIN}", `alice:{PLAIN}${secret}`, /^line 3: the password is in plain text/],
    [
      "sha512-crypt",
      `alice:$6$salt$${secret}`,
      /^line 3: a hash of kind \$6\$ that is damaged or not supported/,
    ],
    ["an unknown scheme", `alice:{MD5}${secret}`, /^line 3: a hash of kind \{MD5\} that is damaged/],
    ["a cut bcrypt hash", `alice:$2y$05$${secret}`, /^line 3: a hash of kind \$2y\$ that is damaged/],
    [
      "bcrypt of a cost that does not exist",
      `alice:$2y$99$${"a".repeat(53)}`,
      /^line 3: a hash of kind \$2y\$/,
    ],
    [
      "SSHA without salt",
      `alice:{SSHA}${Buffer.alloc(20).toString("base64")}`,
      /^line 3: a hash of kind \{SSHA\}/,
    ],
    ["no hash", "alice:", /^line 3: expected a bcrypt/],
    ["no colon", secret, /^line 3: expected user:hash$/],
    ["no user", `:${sha}`, /^line 3: expected user:hash$/],
  ])("%s", (_what, line, message) => {
    const parse = () => parseHtpasswd(`# head\nbob:${sha}\n${line}\n`);
    expect(parse).toThrow(HtpasswdError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(secret);
  });
});
