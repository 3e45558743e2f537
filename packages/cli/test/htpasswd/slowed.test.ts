import { describe, expect, test } from "@jest/globals";
import type { ThrottleOptions } from "../../src/htpasswd/throttle.ts";
import { within } from "../support/within.ts";
import { beWrong, settled, setUp } from "./bench.ts";

describe("an address with ten wrong passwords", () => {
  test("has to wait, right or wrong, and is not checked meanwhile", async () => {
    const bench = setUp();
    const { clock, asked, verify } = bench;
    await beWrong(bench, 10);
    expect(verify("alice", "right")).toEqual({ retryAfter: 1 });
    clock.now += 999;
    expect(verify("alice", "right")).toEqual({ retryAfter: 1 });
    expect(asked).toHaveLength(10);
    clock.now += 1;
    const result = verify("alice", "right");
    await asked[10]?.answer(true);
    expect(await settled(result)).toBe("right");
  });

  test("keeps those of its users who were right before, and holds up no other address", async () => {
    const bench = setUp();
    const before = bench.verify("alice", "right");
    await bench.asked[0]?.answer(true);
    await settled(before);
    await beWrong(bench, 10);
    expect(bench.verify("alice", "right")).toBe("right");
    expect(bench.verify("bob", "right", "192.0.2.9")).toBeInstanceOf(Promise);
  });

  test("does not get the checks that it has waiting", async () => {
    const bench = setUp();
    await beWrong(bench, 9);
    const tenth = bench.verify("mallory", "tenth");
    const waiting = bench.verify("mallory", "eleventh");
    await bench.asked[9]?.answer(false);
    expect(await settled(tenth)).toBe("wrong");
    expect(await settled(waiting)).toEqual({ retryAfter: 1 });
    expect(bench.asked).toHaveLength(10);
  });

  test("does not spoil an equal check that somebody else waits for", async () => {
    const bench = setUp();
    await beWrong(bench, 9);
    void bench.verify("mallory", "tenth");
    void bench.verify("alice", "right");
    const other = bench.verify("alice", "right", "192.0.2.9");
    await bench.asked[9]?.answer(false);
    await bench.asked[10]?.answer(true);
    expect(await settled(other)).toBe("right");
  });

  test("is not one where they were a user's who was right in between", async () => {
    const bench = setUp();
    await beWrong(bench, 9, "alice");
    const right = bench.verify("alice", "right");
    await bench.asked.at(-1)?.answer(true);
    await settled(right);
    await beWrong(bench, 9, "alice");
    expect(bench.verify("bob", "right")).toBeInstanceOf(Promise);
  });

  test("is one where a known user's clients go on while somebody guesses that user's password", async () => {
    const bench = setUp();
    const right = bench.verify("alice", "right");
    await bench.asked[0]?.answer(true);
    await settled(right);
    for (let count = 0; count < 10; count += 1) {
      await beWrong(bench, 1, "alice");
      expect(bench.verify("alice", "right")).toBe("right");
    }
    expect(bench.verify("alice", "wrong")).toEqual({ retryAfter: 1 });
  });

  test("is the whole /64 for IPv6", async () => {
    const bench = setUp();
    await beWrong(bench, 5, "mallory", "2001:db8::1");
    await beWrong(bench, 5, "mallory", "2001:db8::2");
    expect(bench.verify("alice", "right", "2001:db8::3")).toEqual({ retryAfter: 1 });
    expect(bench.verify("alice", "right", "2001:db8:0:1::1")).toBeInstanceOf(Promise);
  });

  test("does not come about by one wrong password that is sent ten times at once", async () => {
    const { asked, verify } = setUp();
    const results = Array.from({ length: 20 }, () => verify("alice", "old password"));
    await asked[0]?.answer(false);
    await within(Promise.all(results), "all");
    expect(verify("alice", "right")).toBeInstanceOf(Promise);
  });

  test("is as good as any where slowing is switched off", async () => {
    const bench = setUp({ throttle: false });
    await beWrong(bench, 30);
    expect(bench.verify("alice", "right")).toBeInstanceOf(Promise);
  });
});

describe("a remembered password, where others have to wait", () => {
  const home = "192.0.2.9";

  /** alice has been right at home, and ten wrong ones of mallory's slow another address. */
  async function slowed(options: ThrottleOptions = {}) {
    const bench = setUp(options);
    const right = bench.verify("alice", "right", home);
    await bench.asked[0]?.answer(true);
    await settled(right);
    await beWrong(bench, 10);
    return bench;
  }
  const guess = (bench: ReturnType<typeof setUp>, times: number, user = "alice", address?: string) => {
    for (let count = 0; count < times; count += 1) {
      void bench.verify(user, `guess ${count}`, address);
    }
  };

  test("is not let in after ten different guesses, but at home", async () => {
    const bench = await slowed();
    guess(bench, 10);
    expect(bench.verify("alice", "right")).toEqual({ retryAfter: 1 });
    expect(bench.verify("alice", "right", home)).toBe("right");
  });

  test("is let in at home beside a neighbour who guesses it", async () => {
    const bench = await slowed();
    await beWrong(bench, 10, "mallory", home);
    guess(bench, 1000, "alice", home);
    expect(bench.verify("alice", "right", home)).toBe("right");
  });

  test("is let in beside a machine that sends an old one over and over", async () => {
    const bench = await slowed();
    for (let count = 0; count < 1000; count += 1) {
      expect(bench.verify("alice", "old password")).toEqual({ retryAfter: 1 });
    }
    expect(bench.verify("alice", "right")).toBe("right");
  });

  test("is let in beside guesses at others", async () => {
    const bench = await slowed();
    guess(bench, 1000, "bob");
    guess(bench, 1000, "nobody");
    expect(bench.verify("alice", "right")).toBe("right");
  });

  test("is not let in because guesses at thousands of strangers came in between", async () => {
    const bench = await slowed();
    guess(bench, 10);
    for (let count = 0; count <= 10_000; count += 1) {
      void bench.verify(`stranger ${count}`, "guess");
    }
    expect(bench.verify("alice", "right")).toEqual({ retryAfter: 1 });
  });

  test("is checked again once it need not wait, and is at home there then", async () => {
    const bench = await slowed();
    guess(bench, 10);
    bench.clock.now = 1000;
    const checked = bench.verify("alice", "right");
    await bench.asked.at(-1)?.answer(true);
    expect(await settled(checked)).toBe("right");
    expect(bench.verify("alice", "right")).toBe("right");
  });

  test("cannot be found by guesses that find the queue full", async () => {
    const { asked, verify } = setUp();
    const right = verify("alice", "right", home);
    await asked[0]?.answer(true);
    await settled(right);
    for (let count = 0; count < 19; count += 1) {
      void verify("alice", `guess ${count}`);
    }
    expect(verify("alice", "right")).toEqual({ retryAfter: 2 });
  });

  test("cannot be found by guesses whose senders do not wait for the check", async () => {
    const { asked, verify } = setUp();
    const right = verify("alice", "right", home);
    await asked[0]?.answer(true);
    await settled(right);
    for (let round = 0; round < 2; round += 1) {
      let left = false;
      void verify("mallory", `busy ${round}`);
      for (let count = 0; count < 8; count += 1) {
        void verify("alice", `guess ${round} ${count}`, "192.0.2.1", () => left);
      }
      left = true;
      await asked.at(-1)?.answer(false);
    }
    expect(verify("alice", "right")).toBeInstanceOf(Promise);
  });

  test("is let in at once in any case where slowing is switched off", async () => {
    const bench = await slowed({ throttle: false });
    guess(bench, 100);
    expect(bench.verify("alice", "right")).toBe("right");
  });
});
