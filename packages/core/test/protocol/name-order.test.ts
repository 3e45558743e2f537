import { describe, expect, it } from "@jest/globals";
import { continuesFrom, isAscending, orderOf, probePlace } from "../../src/protocol/lists.ts";

const ignoringCase = (one: string, other: string) =>
  one.toLowerCase() < other.toLowerCase() ? -1 : one.toLowerCase() > other.toLowerCase() ? 1 : 0;
const byBytes = orderOf("tags");

describe("the order of names", () => {
  it("compares bytes for tags, and components for repositories", () => {
    expect(["b", "a", "B", "1", "_"].sort(orderOf("tags"))).toEqual(["1", "B", "_", "a", "b"]);
    expect(["a-b", "a/b", "a.b", "a", "a/b/c"].sort(orderOf("catalog"))).toEqual([
      "a",
      "a/b",
      "a/b/c",
      "a-b",
      "a.b",
    ]);
  });

  it.each([
    [[], "", true],
    [["a", "b"], "", true],
    [["b", "c"], "a", true],
    [["a", "b"], "a", false],
    [["b", "a"], "", false],
    [["a", "a"], "", false],
  ] as const)("%j after %j: %s", (names, last, expected) => {
    expect(isAscending(names, orderOf("tags"), last)).toBe(expected);
  });
});

describe("a name that shows which order a list has", () => {
  // The first page ascends in both orders, so that it cannot tell by itself.
  it.each([
    ["tags regardless of case", ["a1", "a2"], ["a1", "a2", "a3", "B1", "c1"], ignoringCase],
    ["tags in capitals first", ["A1", "A2"], ["A1", "A2", "a3", "B1"], ignoringCase],
    ["tags that begin with digits", ["1-a", "1-b"], ["1-a", "1-b", "1-C", "2"], ignoringCase],
    [
      "tags as people sort them",
      ["v1", "v2"],
      ["v1", "v2", "V3"],
      (one: string, other: string) => one.localeCompare(other, "en"),
    ],
    ["repositories by bytes", ["a/b", "c"], ["a/b", "c", "c-d", "c/d"], byBytes],
  ] as const)("%s", (name, page, all, theirs) => {
    const kind = name.startsWith("tags") ? "tags" : "catalog";
    const ours = orderOf(kind);
    const place = probePlace(page, kind) ?? "";
    const after = (order: (one: string, other: string) => number) =>
      all.filter((one) => order(one, place) > 0).sort(order);

    expect([isAscending(page, ours), isAscending([...page].sort(theirs), ours)]).toEqual([true, true]);
    expect(continuesFrom(place, after(theirs), page, ours)).toBe(false);
    expect(continuesFrom(place, after(ours), page, ours)).toBe(true);
  });

  it("does not exist where both orders agree", () => {
    expect(probePlace(["1", "2.0", "3-1_0"], "tags")).toBeUndefined();
    expect(probePlace(["a", "b-c"], "catalog")).toBeUndefined();
  });
});
