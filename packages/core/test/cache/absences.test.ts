import { describe, expect, it } from "@jest/globals";
import { AbsenceMemory } from "../../src/cache/absences.ts";
import { Wishes } from "../../src/cache/request-variants.ts";
import type { Member } from "../../src/routing/ruling.ts";

const first: Member = { name: "first", kind: "proxy", passthrough: false };
const second: Member = { name: "second", kind: "proxy", passthrough: false };
const get = (wish: number) => ({ wish, method: "GET" });
const head = (wish: number) => ({ wish, method: "HEAD" });

describe("what is remembered of absent tags", () => {
  it("is remembered of one member, one tag and one wish", () => {
    const memory = new AbsenceMemory(1_000);

    memory.learn(first, "a", "1", get(1));

    expect(memory.has(first, "a", "1", get(1))).toBe(true);
    expect(memory.has(second, "a", "1", get(1))).toBe(false);
    expect(memory.has(first, "a", "2", get(1))).toBe(false);
    expect(memory.has(first, "b", "1", get(1))).toBe(false);
    expect(memory.has(first, "a", "1", get(2))).toBe(false);
  });

  it("is over after its time, counted from when it was said last", () => {
    let now = 0;
    const memory = new AbsenceMemory(1_000, { now: () => now });
    memory.learn(first, "a", "1", get(1));

    now = 900;
    memory.learn(second, "a", "1", get(1));
    now = 1_100;
    expect([memory.has(first, "a", "1", get(1)), memory.has(second, "a", "1", get(1))]).toEqual([
      false,
      true,
    ]);
    now = 1_900;
    expect(memory.has(second, "a", "1", get(1))).toBe(false);
  });

  it("is forgotten of everybody when the tag is pushed", () => {
    const memory = new AbsenceMemory(1_000);
    for (const member of [first, second]) {
      memory.learn(member, "a", "1", get(1));
      memory.learn(member, "a", "2", get(1));
    }

    memory.forget("a", "1");

    expect([memory.has(first, "a", "1", get(1)), memory.has(second, "a", "1", get(1))]).toEqual([
      false,
      false,
    ]);
    expect([memory.has(first, "a", "2", get(1)), memory.has(second, "a", "2", get(1))]).toEqual([true, true]);
  });

  it("is remembered of HEAD after GET, and not the other way about", () => {
    const memory = new AbsenceMemory(1_000);

    memory.learn(first, "a", "1", get(1));
    memory.learn(first, "a", "2", head(1));

    expect([memory.has(first, "a", "1", get(1)), memory.has(first, "a", "1", head(1))]).toEqual([true, true]);
    expect([memory.has(first, "a", "2", get(1)), memory.has(first, "a", "2", head(1))]).toEqual([
      false,
      true,
    ]);
  });

  it("is bounded: of many ways to ask for one tag the latest are kept", () => {
    const memory = new AbsenceMemory(1_000);
    for (let wish = 0; wish < 100; wish += 1) {
      memory.learn(first, "a", "1", get(wish));
    }

    expect([memory.has(first, "a", "1", get(0)), memory.has(first, "a", "1", get(99))]).toEqual([
      false,
      true,
    ]);
  });
});

describe("wishes", () => {
  it("have the same number for the same text alone, and a new one when theirs is forgotten", () => {
    const wishes = new Wishes();
    const one = wishes.numberOf("a");

    expect([wishes.numberOf("a"), wishes.numberOf("b") === one]).toEqual([one, false]);
    for (let index = 0; index < 1_000; index += 1) {
      wishes.numberOf(`other ${index}`);
    }
    expect(wishes.numberOf("a")).not.toBe(one);
  });
});
