import { describe, expect, test } from "@jest/globals";
import { Guesses } from "../../src/htpasswd/guesses.ts";

const here = "192.0.2.1";

function setUp(entries = 100) {
  const clock = { now: 0 };
  const guesses = new Guesses({ entries, now: () => clock.now });
  const guess = (from: number, to: number, user = "alice", network = here) => {
    for (let mark = from; mark <= to; mark += 1) {
      guesses.add(network, user, `${mark}`);
    }
  };
  return { clock, guesses, guess };
}

describe("guesses at a user", () => {
  test("are too many from the tenth different one, for this user and network", () => {
    const { guesses, guess } = setUp();
    guess(1, 9);
    guess(1, 9);
    expect(guesses.tooMany(here, "alice")).toBe(false);
    guess(10, 10);
    expect(guesses.tooMany(here, "alice")).toBe(true);
    expect(guesses.tooMany(here, "bob")).toBe(false);
    expect(guesses.tooMany("192.0.2.2", "alice")).toBe(false);
  });

  test("are too many until a minute has passed without another", () => {
    const { clock, guesses, guess } = setUp();
    guess(1, 10);
    clock.now = 59_999;
    guess(11, 11);
    clock.now = 119_998;
    expect(guesses.tooMany(here, "alice")).toBe(true);
    clock.now = 119_999;
    expect(guesses.tooMany(here, "alice")).toBe(false);
    guess(12, 12);
    expect(guesses.tooMany(here, "alice")).toBe(false);
  });

  test("are bounded in memory, those that are oldest going first", () => {
    const { guesses, guess } = setUp(2);
    guess(1, 10, "alice");
    guess(1, 10, "bob");
    guess(11, 11, "alice");
    guess(1, 10, "carol");
    expect(["alice", "bob", "carol"].map((user) => guesses.tooMany(here, user))).toEqual([true, false, true]);
  });
});
