import { describe, expect, test } from "@jest/globals";
import { type RememberOptions, remembering } from "../../src/htpasswd/remember.ts";

function setUp(options: RememberOptions = {}) {
  const asked: string[] = [];
  const verify = remembering(async (user, password) => {
    asked.push(`${user}:${password}`);
    return password === "right";
  }, options);
  return { asked, verify };
}

describe("remembered verification", () => {
  test("a right password is checked once and then known at once", async () => {
    const { asked, verify } = setUp();
    expect(await verify("alice", "right")).toBe(true);
    expect(verify("alice", "right")).toBe(true);
    expect(asked).toEqual(["alice:right"]);
  });

  test("a wrong password is checked every time, also after a right one", async () => {
    const { asked, verify } = setUp();
    await verify("alice", "right");
    expect(await verify("alice", "wrong")).toBe(false);
    expect(await verify("alice", "wrong")).toBe(false);
    expect(asked).toEqual(["alice:right", "alice:wrong", "alice:wrong"]);
    expect(verify("alice", "right")).toBe(true);
  });

  test("it is forgotten after its time", async () => {
    let now = 0;
    const { asked, verify } = setUp({ ttl: 1000, now: () => now });
    await verify("alice", "right");
    now = 999;
    expect(verify("alice", "right")).toBe(true);
    now = 1000;
    expect(await verify("alice", "right")).toBe(true);
    expect(asked).toHaveLength(2);
  });

  test("the number of entries is bounded, the oldest going first", async () => {
    const { asked, verify } = setUp({ entries: 2 });
    for (const user of ["alice", "bob", "carol"]) {
      await verify(user, "right");
    }
    expect(verify("bob", "right")).toBe(true);
    expect(verify("carol", "right")).toBe(true);
    await verify("alice", "right");
    expect(asked).toEqual(["alice:right", "bob:right", "carol:right", "alice:right"]);
  });

  test("equal checks at the same time are one, different ones are not", async () => {
    const { asked, verify } = setUp();
    const verdicts = await Promise.all([
      verify("alice", "right"),
      verify("alice", "right"),
      verify("alice", "wrong"),
      verify("bob", "right"),
    ]);
    expect(verdicts).toEqual([true, true, false, true]);
    expect(asked).toEqual(["alice:right", "alice:wrong", "bob:right"]);
  });

  test("user and password cannot be shifted into each other", async () => {
    const { verify } = setUp();
    await verify("alice", "right");
    expect(verify("alic", "eright")).toBeInstanceOf(Promise);
    expect(await verify("alic", "eright")).toBe(false);
  });

  test("a check that fails is not taken for a verdict and does not stay", async () => {
    let broken = true;
    const verify = remembering(async () => {
      if (broken) {
        throw new Error("thread died");
      }
      return true;
    });
    await expect(verify("alice", "right")).rejects.toThrow("thread died");
    broken = false;
    expect(await verify("alice", "right")).toBe(true);
  });
});
