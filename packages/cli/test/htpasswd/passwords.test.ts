import { describe, expect, test } from "@jest/globals";
import { parseHtpasswd, UserTable } from "../../src/htpasswd/file.ts";
import { within } from "../support/within.ts";
import { beWrong, fileOf, hashOf, settled, setUp } from "./bench.ts";

describe("checks", () => {
  test("a right password is checked once and then known at once, for everybody", async () => {
    const { asked, verify } = setUp();
    const first = verify("alice", "right");
    await asked[0]?.answer(true);
    expect(await settled(first)).toBe("right");
    expect(verify("alice", "right")).toBe("right");
    expect(verify("alice", "right", "192.0.2.9")).toBe("right");
    expect(asked).toMatchObject([{ hash: hashOf("alice"), password: "right" }]);
  });

  test("a wrong password is checked every time, and leaves the right one known", async () => {
    const bench = setUp();
    const right = bench.verify("alice", "right");
    await bench.asked[0]?.answer(true);
    await settled(right);
    await beWrong(bench, 1, "alice");
    await beWrong(bench, 1, "alice");
    expect(bench.asked).toHaveLength(3);
    expect(bench.verify("alice", "right")).toBe("right");
  });

  test("a name that does not exist costs a check of its decoy, and stays wrong even where that fits", async () => {
    const { asked, verify } = setUp({ throttle: false });
    const users = new UserTable(fileOf("alice", "bob"));
    const strangers = ["mallory", "eve", "oscar", "trudy", "mallory"];
    for (const name of strangers) {
      const result = verify(name, "right");
      await asked.at(-1)?.answer(true);
      expect(await settled(result)).toBe("wrong");
    }
    expect(asked.map(({ hash }) => hash)).toEqual(strangers.map((name) => users.find(name).hash?.text));
  });

  test("equal ones at the same time are one, from wherever they come", async () => {
    const { asked, verify } = setUp({ concurrent: 9 });
    const results = [
      verify("alice", "right"),
      verify("alice", "right"),
      verify("alice", "right", "192.0.2.9"),
      verify("alice", "wrong"),
      verify("bob", "right"),
    ];
    expect(asked.map(({ hash, password }) => [hash, password])).toEqual([
      [hashOf("alice"), "right"],
      [hashOf("alice"), "wrong"],
      [hashOf("bob"), "right"],
    ]);
    for (const check of asked) {
      await check.answer(check.hash === hashOf("alice") && check.password === "right");
    }
    expect(await within(Promise.all(results), "the results")).toEqual([
      "right",
      "right",
      "right",
      "wrong",
      "wrong",
    ]);
  });

  test("one that fails is no result, is not counted and does not stay", async () => {
    const { asked, warnings, verify } = setUp();
    const failing = settled(verify("alice", "right"));
    const failure = expect(failing).rejects.toThrow("thread died");
    await asked[0]?.fail(new Error("thread died"));
    await failure;
    expect(warnings).toEqual([]);
    const next = verify("alice", "right");
    await asked[1]?.answer(true);
    expect(await settled(next)).toBe("right");
  });

  test("a password longer than anybody's is wrong without any", async () => {
    const { asked, verify } = setUp();
    expect(await settled(verify("alice", "ä".repeat(513)))).toBe("wrong");
    expect(asked).toEqual([]);
  });

  test("nobody gets in before there is a file, nor by an empty one", async () => {
    const { asked, warnings, passwords, verify } = setUp();
    passwords.use(parseHtpasswd(""), "empty");
    expect(await settled(verify("alice", ""))).toBe("wrong");
    expect(asked).toEqual([]);
    expect(warnings[0]).toEqual({
      fields: { file: "empty" },
      message: "htpasswd file: no users, so every login is refused",
    });
  });
});

describe("the queue", () => {
  test("one address fills its own places; then it is told to come back, and others wait one turn", async () => {
    const { asked, verify } = setUp();
    const results = Array.from({ length: 9 }, (_, count) => verify("alice", `${count}`));
    expect(verify("alice", "one more")).toEqual({ retryAfter: 2 });
    const other = verify("bob", "right", "192.0.2.9");
    await asked[0]?.answer(false);
    await asked[1]?.answer(false);
    expect(asked[2]).toMatchObject({ hash: hashOf("bob"), password: "right" });
    await asked[2]?.answer(true);
    expect(await settled(other)).toBe("right");
    expect(await settled(results[0] ?? "right")).toBe("wrong");
  });

  test("an equal check needs no place of its own", async () => {
    const { asked, verify } = setUp();
    const results = Array.from({ length: 50 }, () => verify("alice", "right"));
    await asked[0]?.answer(true);
    expect(new Set(await within(Promise.all(results), "all"))).toEqual(new Set(["right"]));
    expect(asked).toHaveLength(1);
  });

  test("holds 128; whoever comes then is told to come back, unless known to be right", async () => {
    const { asked, verify } = setUp();
    const first = verify("bob", "right", "192.0.2.1");
    await asked[0]?.answer(true);
    await settled(first);
    for (let host = 0; host < 129; host += 1) {
      expect(verify("alice", `${host}`, `198.51.100.${host}`)).toBeInstanceOf(Promise);
    }
    expect(verify("alice", "right", "192.0.2.1")).toEqual({ retryAfter: 2 });
    expect(verify("bob", "right", "192.0.2.1")).toBe("right");
  });

  test("a check whose senders have all left is not made", async () => {
    const { asked, verify } = setUp();
    const gone = new Set<string>();
    const from = (address: string, password: string) =>
      verify("alice", password, address, () => gone.has(address));
    const first = from("192.0.2.1", "first");
    const leaving = from("192.0.2.2", "left alone");
    const shared = from("192.0.2.2", "shared");
    const staying = from("192.0.2.3", "shared");
    gone.add("192.0.2.2");
    await asked[0]?.answer(false);
    await asked[1]?.answer(false);
    expect(await within(Promise.all([first, leaving, shared, staying]), "all")).toEqual([
      "wrong",
      { retryAfter: 1 },
      "wrong",
      "wrong",
    ]);
    expect(asked.map(({ password }) => password)).toEqual(["first", "shared"]);
  });
});

describe("the log", () => {
  test("tells of wrong passwords, once a minute and address, and never which", async () => {
    const bench = setUp({ throttle: false });
    await beWrong(bench, 3);
    await beWrong(bench, 3, "mallory", "2001:db8::1");
    bench.clock.now = 60_000;
    await beWrong(bench, 1, "eve");
    expect(bench.warnings).toEqual([
      { fields: { client: "192.0.2.1", user: "mallory" }, message: "wrong password" },
      { fields: { client: "2001:db8::1", user: "mallory" }, message: "wrong password" },
      { fields: { client: "192.0.2.1", user: "eve" }, message: "wrong password" },
    ]);
  });

  test("has names without what could forge or flood it", async () => {
    const bench = setUp();
    await beWrong(bench, 1, `\u202Eroot\u2028\u0085${"x".repeat(1000)}`);
    expect(bench.warnings).toMatchObject([{ fields: { user: `?root??${"x".repeat(57)}` } }]);
  });

  test("says nothing of right passwords", async () => {
    const { asked, warnings, verify } = setUp();
    const result = verify("alice", "right");
    await asked[0]?.answer(true);
    await settled(result);
    expect(warnings).toEqual([]);
  });
});
