import { describe, expect, test } from "@jest/globals";
import { parseHtpasswd, UserTable } from "../../src/htpasswd/file.ts";
import { fileOf, hashOf } from "./bench.ts";

const strangers = Array.from({ length: 3000 }, (_, index) => `stranger${index}`);

describe("names that the file does not have", () => {
  test("get hashes of the file, each about as often as its users have them", () => {
    const users = new UserTable(fileOf("alice", "bob", "carol"));
    const given = new Map<string | undefined, number>();
    for (const name of strangers) {
      const { hash, known } = users.find(name);
      expect(known).toBe(false);
      given.set(hash?.text, (given.get(hash?.text) ?? 0) + 1);
    }
    expect([...given.keys()].sort()).toEqual(["alice", "bob", "carol"].map(hashOf));
    for (const times of given.values()) {
      // 1000 expected, with a standard deviation of 26.
      expect(times).toBeGreaterThan(800);
      expect(times).toBeLessThan(1200);
    }
  });

  test("get the same one each time, and from another router with the same file", () => {
    const [here, there] = [new UserTable(fileOf("alice", "bob")), new UserTable(fileOf("alice", "bob"))];
    for (const name of strangers.slice(0, 100)) {
      const { hash } = here.find(name);
      expect(here.find(name).hash).toBe(hash);
      expect(there.find(name).hash).toEqual(hash);
    }
  });

  test("cannot be told by whoever does not know the file's hashes", () => {
    const [one, other] = [new UserTable(fileOf("alice", "bob")), new UserTable(fileOf("carol", "dave"))];
    const first = (users: UserTable, hash: string) =>
      strangers.map((name) => users.find(name).hash?.text === hash);
    expect(first(one, hashOf("alice"))).not.toEqual(first(other, hashOf("carol")));
  });

  test("get nothing from an empty file", () => {
    expect(new UserTable(parseHtpasswd("")).find("alice")).toEqual({ hash: undefined, known: false });
  });
});

test("users get their own hash", () => {
  const users = new UserTable(fileOf("alice", "bob"));
  expect(users.find("bob")).toEqual({ hash: { kind: "bcrypt", text: hashOf("bob") }, known: true });
});
