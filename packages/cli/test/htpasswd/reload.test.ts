import { describe, expect, test } from "@jest/globals";
import { parseHtpasswd } from "../../src/htpasswd/file.ts";
import { beWrong, fileOf, hashOf, settled, setUp } from "./bench.ts";

describe("another file", () => {
  /** alice and bob have been right, then the file is replaced. */
  async function reloaded(content: string) {
    const bench = setUp();
    for (const user of ["alice", "bob"]) {
      const result = bench.verify(user, "right");
      await bench.asked.at(-1)?.answer(true);
      await settled(result);
    }
    bench.passwords.use(parseHtpasswd(content), "htpasswd");
    bench.asked.length = 0;
    return bench;
  }
  const line = (user: string, hash = user) => `${user}:${hashOf(hash)}`;

  test("unchanged users need no new check", async () => {
    const { verify } = await reloaded([line("carol"), line("bob"), line("alice")].join("\n"));
    expect(verify("alice", "right")).toBe("right");
    expect(verify("bob", "right")).toBe("right");
  });

  test("the old password of a changed line is checked against the new hash", async () => {
    const { asked, verify } = await reloaded([line("alice", "changed"), line("bob")].join("\n"));
    const result = verify("alice", "right");
    expect(asked).toMatchObject([{ hash: hashOf("changed"), password: "right" }]);
    await asked[0]?.answer(false);
    expect(await settled(result)).toBe("wrong");
    expect(verify("bob", "right")).toBe("right");
  });

  test("a removed user is a stranger, even with the hash of one who is there for a decoy", async () => {
    const { asked, verify } = await reloaded(line("bob"));
    const result = verify("alice", "right");
    expect(asked).toMatchObject([{ hash: hashOf("bob") }]);
    await asked[0]?.answer(true);
    expect(await settled(result)).toBe("wrong");
  });

  test("a removed user who was right is a stranger, even where somebody else has that very hash", async () => {
    const { asked, verify } = await reloaded(line("carol", "alice"));
    const result = verify("alice", "right");
    await asked[0]?.answer(true);
    expect(await settled(result)).toBe("wrong");
  });

  test("what was being checked against the old one is not remembered for the new one", async () => {
    const { asked, passwords, verify } = setUp();
    const old = verify("alice", "right");
    passwords.use(parseHtpasswd(line("alice", "changed")), "htpasswd");
    const fresh = verify("alice", "right");
    await asked[0]?.answer(true);
    expect(await settled(old)).toBe("right");
    expect(asked[1]).toMatchObject({ hash: hashOf("changed") });
    await asked[1]?.answer(false);
    expect(await settled(fresh)).toBe("wrong");
  });

  test("does not forgive wrong passwords", async () => {
    const bench = setUp();
    await beWrong(bench, 10);
    bench.passwords.use(fileOf("alice"), "htpasswd");
    expect(bench.verify("alice", "right")).toEqual({ retryAfter: 1 });
  });

  test("may come with slowing switched off or on, which neither forgets nor invents wrong passwords", async () => {
    const bench = setUp();
    await beWrong(bench, 10);
    bench.passwords.use(fileOf("alice"), "htpasswd", { throttle: false });
    const result = bench.verify("alice", "right");
    expect(result).toBeInstanceOf(Promise);
    await bench.asked.at(-1)?.answer(false);
    expect(await settled(result)).toBe("wrong");
    bench.passwords.use(fileOf("alice"), "htpasswd", { throttle: true });
    expect(bench.verify("alice", "right")).toEqual({ retryAfter: 2 });
    expect(bench.verify("alice", "right", "192.0.2.9")).toBeInstanceOf(Promise);
  });

  test("is warned of where lines repeat a user", () => {
    const { warnings, passwords } = setUp();
    passwords.use(fileOf("alice", "bob", "alice"), "users");
    expect(warnings).toEqual([
      {
        fields: { file: "users", line: 3, user: "alice" },
        message: "htpasswd file: the user has an earlier line, this one has no effect",
      },
    ]);
  });
});
