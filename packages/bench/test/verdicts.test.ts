import { describe, expect, it } from "@jest/globals";
import { inTurn } from "../src/measure.ts";
import { digestRow, sample } from "./support/results.ts";

const rates = (...all: number[]) => all.map((rate) => sample({ rate }));

describe("a row", () => {
  it("has the median of each figure by itself", () => {
    const row = digestRow([
      ["router", [sample({ rate: 1, p50: 9 }), sample({ rate: 3, p50: 7 }), sample({ rate: 2, p50: 8 })]],
    ]);

    expect(row.peers[0]?.median).toMatchObject({ rate: 2, p50: 8 });
  });

  it("compares round by round", () => {
    const row = digestRow([
      ["router", rates(10, 100, 30)],
      ["direct", rates(5, 20, 30)],
    ]);

    expect(row.ratios.find(({ metric }) => metric === "rate")).toEqual({
      metric: "rate",
      against: "direct",
      value: 2,
    });
  });

  it.each([
    [5, 0],
    [0, 5],
  ])("has no ratio of %d to %d: too short to be told", (own, peer) => {
    const row = digestRow([
      ["router", [sample({ cpu: own })]],
      ["direct", [sample({ cpu: peer })]],
    ]);

    expect(row.ratios.map(({ metric }) => metric)).toEqual(["rate", "p50", "p99", "memory"]);
  });

  it.each([
    { target: { metric: "rate", against: "direct", least: 2 }, value: 2, met: true },
    { target: { metric: "rate", against: "direct", least: 2.1 }, value: 2, met: false },
    { target: { metric: "cpu", against: "direct", most: 1 }, value: 1, met: true },
    { target: { metric: "rate", against: "direct", by: "difference", most: 99 }, value: 100, met: false },
    { target: { metric: "memory", most: 50 }, value: 50, met: true },
    { target: { metric: "upstream", most: 1 }, value: 1, met: true },
    { target: { metric: "rate", against: "nginx + Lua", least: 2 }, value: null, met: null },
  ] as const)("judges $target: $value, $met", ({ target, value, met }) => {
    const samples = [
      ["router", rates(200)],
      ["direct", rates(100)],
    ] as const;

    expect(digestRow(samples, [target], [["router", { asked: 1, beside: 0.5 }]]).targets).toEqual([
      { ...target, value, met },
    ]);
  });
});

describe("turns", () => {
  it("begin with another peer each round", () => {
    expect([0, 1, 2, 3].map((round) => inTurn(["a", "b", "c"], round).join(""))).toEqual([
      "abc",
      "bca",
      "cab",
      "abc",
    ]);
  });
});
