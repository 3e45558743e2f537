import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";

const page = (name: string) => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");
const sizing = /### Sizing\n(.*?)\n### /s.exec(page("operations.md"))?.[1] ?? "";
const measured = page("performance.md")
  .split("\n")
  .filter((line) => /^\|.*\| router(?:, 1 rule)? +\|/.test(line))
  .join("\n");

/** The figure that 1 s or 1,000,000 µs of a core make, cut to its two first digits. */
function most(busy: string): number {
  const [, figure = "", unit] = /^([\d.,]+) (µs|s)/.exec(busy) ?? [];
  const times = (unit === "µs" ? 1_000_000 : 1_000) / Number(figure.replace(",", ""));
  const step = 10 ** (Math.floor(Math.log10(times)) - 1);
  return Math.floor(times / step) * step;
}

describe("what operators are told of sizes", () => {
  const rows = sizing
    .split("\n")
    .filter((line) => line.startsWith("| ") && /\d/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()));

  it("is what was measured last", () => {
    expect(rows.length).toBeGreaterThan(3);
    const memory = [...sizing.matchAll(/(\d+) MB (?:with|when)/g)].map(([, figure]) => `| ${figure} `);
    expect(memory).toHaveLength(3);
    const figures = [...rows.map(([, , busy]) => `| ${busy} `), ...memory];
    expect(figures.filter((figure) => !measured.includes(figure))).toEqual([]);
  });

  it.each(rows)("%s%s: is reckoned rightly", (_, __, busy, told) => {
    expect(Number(/^[\d,]+/.exec(told ?? "")?.[0].replace(",", ""))).toBe(most(busy ?? ""));
  });
});
