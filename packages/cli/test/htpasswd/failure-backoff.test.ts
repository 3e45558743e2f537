import { describe, expect, test } from "@jest/globals";
import { FailureBackoff, type FailureBackoffOptions } from "../../src/htpasswd/failure-backoff.ts";

const here = "192.0.2.1";
const elsewhere = "192.0.2.2";
const second = 1000;
const minute = 60 * second;

function setUp(options: FailureBackoffOptions = {}) {
  const clock = { now: 0 };
  const failures = new FailureBackoff({ now: () => clock.now, ...options });
  const wrong = (times: number, user = "alice", network = here) => {
    for (let count = 0; count < times; count += 1) {
      failures.wrong(network, user);
    }
  };
  /** Waits as long as it has to, and is wrong again. @returns how long it has to wait then */
  const insist = () => {
    clock.now += failures.wait(here);
    failures.wrong(here, "alice");
    return failures.wait(here);
  };
  return { clock, failures, wrong, insist };
}

describe("wrong passwords", () => {
  test("are free up to the tenth within a minute, which costs a second", () => {
    const { failures, wrong } = setUp();
    wrong(9);
    expect(failures.wait(here)).toBe(0);
    wrong(1);
    expect(failures.wait(here)).toBe(second);
  });

  test("slow nobody when they are rarer", () => {
    const { clock, failures } = setUp();
    for (let count = 0; count < 100; count += 1) {
      clock.now += 7 * second;
      failures.wrong(here, "alice");
      expect(failures.wait(here)).toBe(0);
    }
  });

  test("double the delay, up to a minute, where it stays for who insists", () => {
    const { wrong, insist } = setUp();
    wrong(10);
    const delays = Array.from({ length: 9 }, insist);
    expect(delays).toEqual([2, 4, 8, 16, 32, 60, 60, 60, 60].map((seconds) => seconds * second));
  });

  test("are forgiven by halves, one for every quiet minute", () => {
    const { clock, failures, wrong, insist } = setUp();
    wrong(10);
    Array.from({ length: 6 }, insist);
    clock.now += failures.wait(here) + 3 * minute;
    expect(failures.wait(here)).toBe(0);
    expect(insist()).toBe(16 * second);
    clock.now += failures.wait(here) + 10 * minute;
    expect(insist()).toBe(0);
  });

  test("are the affair of one network", () => {
    const { failures, wrong } = setUp();
    wrong(20);
    expect(failures.wait(elsewhere)).toBe(0);
  });

  test("are bounded in memory, the networks that were quiet for longest going first", () => {
    const { failures, wrong } = setUp({ entries: 2 });
    wrong(10, "alice", "first");
    wrong(10, "alice", "second");
    wrong(1, "alice", "first");
    wrong(10, "alice", "third");
    expect(["first", "second", "third"].map((network) => failures.wait(network))).toEqual([2000, 0, 1000]);
  });
});

describe("a right password", () => {
  test("clears what its user got wrong before", () => {
    const { failures, wrong } = setUp();
    wrong(9);
    failures.right(here, "alice");
    wrong(9);
    expect(failures.wait(here)).toBe(0);
  });

  test("clears a delay that is its user's doing alone", () => {
    const { failures, wrong, insist } = setUp();
    wrong(12);
    failures.right(here, "alice");
    expect(failures.wait(here)).toBe(0);
    expect(insist()).toBe(0);
  });

  test("clears nothing that others got wrong", () => {
    const { failures, wrong } = setUp();
    wrong(9, "mallory");
    failures.right(here, "alice");
    wrong(1, "mallory");
    expect(failures.wait(here)).toBe(second);
    failures.right(here, "alice");
    expect(failures.wait(here)).toBe(second);
  });

  test("clears nothing elsewhere", () => {
    const { failures, wrong } = setUp();
    wrong(10);
    failures.right(elsewhere, "alice");
    expect(failures.wait(here)).toBe(second);
  });
});

test("a network is warned of once a minute", () => {
  const { clock, failures } = setUp();
  expect([failures.wrong(here, "alice"), failures.wrong(here, "bob")]).toEqual([true, false]);
  expect(failures.wrong(elsewhere, "alice")).toBe(true);
  failures.right(here, "alice");
  clock.now = minute - 1;
  expect(failures.wrong(here, "alice")).toBe(false);
  clock.now = minute;
  expect(failures.wrong(here, "alice")).toBe(true);
});
