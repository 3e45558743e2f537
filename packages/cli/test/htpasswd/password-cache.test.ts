import { describe, expect, test } from "@jest/globals";
import { PasswordCache, type PasswordCacheOptions } from "../../src/htpasswd/password-cache.ts";

const hash = { kind: "bcrypt", text: "hash" } as const;

function setUp(options: PasswordCacheOptions = {}) {
  const clock = { now: 0 };
  const passwords = new PasswordCache({ now: () => clock.now, ...options });
  return {
    clock,
    add: (user: string, password = "right") => passwords.add(user, passwords.hmacOf(user, password, hash)),
    has: (user: string, password = "right", text: string = hash.text) =>
      passwords.has(user, passwords.hmacOf(user, password, { ...hash, text })),
  };
}

describe("right passwords", () => {
  test("are known again, others and those of others are not", () => {
    const { add, has } = setUp();
    add("alice");
    expect(has("alice")).toBe(true);
    expect(has("alice", "wrong")).toBe(false);
    expect(has("bob")).toBe(false);
  });

  test("do not fit another hash", () => {
    const { add, has } = setUp();
    add("alice");
    expect(has("alice", "right", "another hash")).toBe(false);
    expect(has("alice")).toBe(true);
  });

  test("are forgotten some time after their last use", () => {
    const { clock, add, has } = setUp({ ttl: 1000 });
    add("alice");
    clock.now = 999;
    expect(has("alice")).toBe(true);
    clock.now = 1998;
    expect(has("alice")).toBe(true);
    clock.now = 2998;
    expect(has("alice")).toBe(false);
  });

  test("are bounded in number, those unused for longest going first", () => {
    const { add, has } = setUp({ entries: 2 });
    add("alice");
    add("bob");
    expect(has("alice")).toBe(true);
    add("carol");
    expect([has("alice"), has("bob"), has("carol")]).toEqual([true, false, true]);
  });

  test("cannot be shifted into the user's name", () => {
    const { add, has } = setUp();
    add("alice");
    expect(has("alic", "eright")).toBe(false);
  });

  test("have other marks in another process", () => {
    const [one, other] = [new PasswordCache(), new PasswordCache()];
    expect(one.hmacOf("alice", "right", hash)).not.toEqual(other.hmacOf("alice", "right", hash));
  });
});
