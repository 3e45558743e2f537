import { describe, expect, test } from "@jest/globals";
import { GuessLimiter } from "../../src/htpasswd/guess-limiter.ts";

const here = "192.0.2.1";

function setUp(entries = 100) {
  const clock = { now: 0 };
  const guesses = new GuessLimiter({ entries, now: () => clock.now });
  const guess = (from: number, to: number, user = "alice", network = here) => {
    for (let mark = from; mark <= to; mark += 1) {
      guesses.add(network, user, `${mark}`);
    }
  };
  return { clock, guesses, guess };
}

describe("a right password", () => {
  test("is not trusted after ten different guesses for this user and network", () => {
    const { guesses, guess } = setUp();
    guess(1, 10);
    expect(guesses.trusts(here, "alice")).toBe(false);
    expect(guesses.trusts(here, "bob")).toBe(true);
    expect(guesses.trusts("192.0.2.2", "alice")).toBe(true);
  });

  test("is trusted after nine, however often they came", () => {
    const { guesses, guess } = setUp();
    guess(1, 9);
    guess(1, 9);
    expect(guesses.trusts(here, "alice")).toBe(true);
  });

  test("is not trusted before a minute has passed without another guess", () => {
    const { clock, guesses, guess } = setUp();
    guess(1, 10);
    clock.now = 59_999;
    guess(11, 11);
    clock.now = 119_998;
    expect(guesses.trusts(here, "alice")).toBe(false);
    clock.now = 119_999;
    expect(guesses.trusts(here, "alice")).toBe(true);
  });

  test("is trusted a minute after the last new guess, though old ones still come", () => {
    const { clock, guesses, guess } = setUp();
    guess(1, 10);
    clock.now = 59_999;
    guess(1, 10);
    clock.now = 60_000;
    expect(guesses.trusts(here, "alice")).toBe(true);
  });

  test("is trusted where it was trusted or found right before, whatever comes then", () => {
    const { guesses, guess } = setUp();
    guesses.right(here, "alice");
    guesses.trusts(here, "bob");
    guess(1, 10, "alice");
    guess(1, 10, "bob");
    guess(1, 10, "carol");
    expect(["alice", "bob", "carol"].map((user) => guesses.trusts(here, user))).toEqual([true, true, false]);
  });

  test("is remembered to have come from a bounded number of places, as guesses are", () => {
    const { guesses, guess } = setUp(2);
    for (const user of ["alice", "bob", "carol"]) {
      guesses.right(here, user);
    }
    guess(1, 10, "alice");
    guess(1, 10, "bob");
    expect(guesses.trusts(here, "alice")).toBe(false);
    expect(guesses.trusts(here, "bob")).toBe(true);
    guess(1, 10, "dave");
    expect(guesses.trusts(here, "dave")).toBe(false);
    expect(guesses.trusts(here, "alice")).toBe(true);
  });
});
