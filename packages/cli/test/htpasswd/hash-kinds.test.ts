import { describe, expect, test } from "@jest/globals";
import { checkCrypt } from "../../src/htpasswd/crypt.ts";
import { parseHtpasswd } from "../../src/htpasswd/file.ts";
import { createPasswords } from "../../src/htpasswd/passwords.ts";
import { createVerifyHash } from "../../src/htpasswd/verify.ts";
import { keepWarnings, senderAt } from "./bench.ts";
import { fixtures, plainPassword } from "./fixtures.ts";

// The thread is left out: its script has to be built, and runs in the tests of the built program.
const check = createVerifyHash(async (hash, password) => checkCrypt(hash, password));

/** Passwords with one file, and somebody who asks. */
function askAbout(content: string) {
  const passwords = createPasswords(keepWarnings().logger, { check });
  passwords.use(parseHtpasswd(content), "htpasswd", { throttle: false });
  return (user: string, password: string) => passwords.verify(user, password, senderAt("192.0.2.1"));
}

describe("passwords", () => {
  test.each(fixtures)("$tool: $password is right and others are not", async ({ hash, password }) => {
    const verify = askAbout(`alice:${hash}`);
    expect(await verify("alice", password)).toBe("right");
    expect(await verify("alice", `X${password}`)).toBe("wrong");
    expect(await verify("alice", password.slice(1))).toBe("wrong");
    expect(await verify("alice", "")).toBe("wrong");
    expect(await verify("Alice", password)).toBe("wrong");
  });

  test("bcrypt of cost 12, as careful people make it", async () => {
    const verify = askAbout("alice:$2y$12$bTDFBQo7qKY8O50BUXlzZOZZuL36tnpTYIfyFZBVpL6WueKax0fUm");
    expect(await verify("alice", plainPassword)).toBe("right");
    expect(await verify("alice", "wrong")).toBe("wrong");
  });

  test("users whose names are properties of every object do not exist", async () => {
    const verify = askAbout(`alice:${fixtures[10]?.hash}`);
    expect(await verify("constructor", plainPassword)).toBe("wrong");
    expect(await verify("__proto__", plainPassword)).toBe("wrong");
  });

  test("nobody gets in by an empty file", async () => {
    expect(await askAbout("")("alice", "")).toBe("wrong");
  });
});
