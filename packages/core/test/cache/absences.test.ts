import { describe, expect, it } from "@jest/globals";
import { NegativeCache } from "../../src/cache/absences.ts";
import { VariantIds } from "../../src/cache/inflight-manifests.ts";
import type { Member } from "../../src/routing/ruling.ts";

const first: Member = { name: "first", kind: "proxy", passthrough: false };
const second: Member = { name: "second", kind: "proxy", passthrough: false };
const get = (variant: number) => ({ variant, method: "GET" });
const head = (variant: number) => ({ variant, method: "HEAD" });

describe("the negative cache of tags", () => {
  it("has an entry for one upstream, one tag and one variant", () => {
    const memory = new NegativeCache(1_000);

    memory.learn(first, "a", "1", get(1));

    expect(memory.has(first, "a", "1", get(1))).toBe(true);
    expect(memory.has(second, "a", "1", get(1))).toBe(false);
    expect(memory.has(first, "a", "2", get(1))).toBe(false);
    expect(memory.has(first, "b", "1", get(1))).toBe(false);
    expect(memory.has(first, "a", "1", get(2))).toBe(false);
  });

  it("drops an entry after its time-to-live, counted from the latest 404", () => {
    let now = 0;
    const memory = new NegativeCache(1_000, { now: () => now });
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

  it("drops the entries of every upstream when the tag is pushed", () => {
    const memory = new NegativeCache(1_000);
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

  it("uses an entry from GET for HEAD, but not the reverse", () => {
    const memory = new NegativeCache(1_000);

    memory.learn(first, "a", "1", get(1));
    memory.learn(first, "a", "2", head(1));

    expect([memory.has(first, "a", "1", get(1)), memory.has(first, "a", "1", head(1))]).toEqual([true, true]);
    expect([memory.has(first, "a", "2", get(1)), memory.has(first, "a", "2", head(1))]).toEqual([
      false,
      true,
    ]);
  });

  it("is bounded: of many variants of one tag the latest are kept", () => {
    const memory = new NegativeCache(1_000);
    for (let variant = 0; variant < 100; variant += 1) {
      memory.learn(first, "a", "1", get(variant));
    }

    expect([memory.has(first, "a", "1", get(0)), memory.has(first, "a", "1", get(99))]).toEqual([
      false,
      true,
    ]);
  });
});

describe("variants", () => {
  it("have the same id for the same text alone, and a new one after eviction", () => {
    const variants = new VariantIds();
    const one = variants.idOf("a");

    expect([variants.idOf("a"), variants.idOf("b") === one]).toEqual([one, false]);
    for (let index = 0; index < 1_000; index += 1) {
      variants.idOf(`other ${index}`);
    }
    expect(variants.idOf("a")).not.toBe(one);
  });
});
