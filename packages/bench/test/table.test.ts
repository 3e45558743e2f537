import { describe, expect, it } from "@jest/globals";
import { render, table } from "../src/table.ts";
import { digestRow, resultsOf, sample } from "./support/results.ts";

describe("a table", () => {
  it("has its columns under each other", () => {
    expect(table(["a", "long title"], [["wide cell", "b"], ["c"]])).toBe(
      [
        "| a         | long title |",
        "| --------- | ---------- |",
        "| wide cell | b          |",
        "| c         |            |",
      ].join("\n"),
    );
  });
});

describe("the report", () => {
  const row = digestRow(
    [
      ["router", [sample({ rate: 3000, cpu: 46.25 })]],
      ["direct", [sample({ rate: 1200, busy: 0.9 })]],
    ],
    [
      { metric: "rate", against: "direct", least: 15 },
      { metric: "rate", against: "bare node", least: 0.5 },
    ],
    [["router", { asked: 1, beside: 0.25 }]],
  );
  const cells = render(resultsOf(row))
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()));
  const line = (column: number, text: string) => cells.find((all) => all[column] === text)?.slice(1, -1);

  it("has a line per peer with figures, ratio and upstream requests", () => {
    expect(line(2, "router")).toEqual([
      "by <digest>",
      "router",
      "3,000 req/s",
      "",
      "1",
      "2",
      "46.3 µs/request",
      "50",
      "1 + 0.25 each",
    ]);
  });

  it("marks a peer whose load generator was busy", () => {
    expect(line(2, "direct")?.slice(2, 4)).toEqual(["1,200 req/s \\*", "2.5 x"]);
  });

  it("says of each target whether it is met, or that nobody was there to compare with", () => {
    expect(line(2, "throughput >= 15 x direct")?.slice(1)).toEqual([
      "throughput >= 15 x direct",
      "2.5",
      "no",
    ]);
    expect(line(2, "throughput >= 0.5 x bare node")?.slice(2)).toEqual(["-", "not measured"]);
  });

  it("says who was left out and that the sizes were small", () => {
    expect(render(resultsOf(row))).toContain("caddy: not measured, not installed.");
    expect(render(resultsOf(row))).toContain("Smaller than the targets are meant for");
  });
});
