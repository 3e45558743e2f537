import { describe, expect, test } from "@jest/globals";
import { checkCrypt } from "../../src/htpasswd/crypt.ts";
import type { CheckHash } from "../../src/htpasswd/crypt-thread.ts";
import { parseHtpasswd } from "../../src/htpasswd/parse.ts";
import { createVerifier } from "../../src/htpasswd/verifier.ts";
import { fixtures, plainPassword } from "./fixtures.ts";

const here: CheckHash = async (hash, password) => checkCrypt(hash, password);
const verifierOf = (content: string, check = here) => createVerifier(parseHtpasswd(content), check);

describe("passwords", () => {
  test.each(fixtures)("$tool: $password is right and others are not", async ({ hash, password }) => {
    const verify = verifierOf(`alice:${hash}`);
    expect(await verify("alice", password)).toBe(true);
    expect(await verify("alice", `X${password}`)).toBe(false);
    expect(await verify("alice", password.slice(1))).toBe(false);
    expect(await verify("alice", "")).toBe(false);
    expect(await verify("Alice", password)).toBe(false);
  });

  test("users whose names are properties of every object do not exist", async () => {
    const verify = verifierOf(`alice:${fixtures[10]?.hash}`);
    expect(await verify("constructor", plainPassword)).toBe(false);
    expect(await verify("__proto__", plainPassword)).toBe(false);
  });

  test("nobody gets in by an empty file", async () => {
    expect(await verifierOf("")("alice", "")).toBe(false);
  });
});

test("an unknown user costs the same check as a known one, and is refused even with a right password", async () => {
  const checked: string[] = [];
  const counting: CheckHash = async (hash, password) => {
    checked.push(hash.kind);
    return checkCrypt(hash, password);
  };
  const verify = verifierOf("alice:$apr1$xc5SJuVb$KIiN9dJbTjoVvhMrFFRmD.\nbob:It1Jg0fcrshLY", counting);
  expect(await verify("mallory", plainPassword)).toBe(false);
  expect(checked).toEqual(["md5"]);
});

test("a password longer than anybody's is refused without a thousand hashes of it", async () => {
  const refuse: CheckHash = async () => {
    throw new Error("was checked");
  };
  const verify = verifierOf("alice:$apr1$xc5SJuVb$KIiN9dJbTjoVvhMrFFRmD.", refuse);
  expect(await verify("alice", "ä".repeat(513))).toBe(false);
});
