import { describe, expect, it } from "@jest/globals";
import { drawChart } from "../src/chart.ts";
import { digestRow, resultsOf, sample } from "./support/results.ts";
import { flawOf } from "./support/xml.ts";

describe("the chart", () => {
  const chart = drawChart(
    resultsOf(
      digestRow([
        ["router", [sample({ rate: 50 })]],
        ["nginx error_page", [sample({ rate: 200 })]],
        ["nginx + Lua", [sample({ rate: Number.NaN })]],
      ]),
    ),
  );

  it("is well-formed", () => {
    expect(flawOf(chart)).toBeUndefined();
    expect(chart).toContain("by &lt;digest&gt; (req/s, more is better)");
  });

  it("has bars as long as the figures are large", () => {
    const lengths = [...chart.matchAll(/width="(\d+)" height="14"/g)].map(([, length]) => Number(length));

    expect(lengths).toEqual([120, 480, 1]);
  });

  it.each(["<a><b></a>", "<a>", "<a b=c/>", "<a>&nbsp;</a>", "</a>"])(
    "would be found out if it were as broken as %s",
    (broken) => {
      expect(flawOf(broken)).toBeDefined();
    },
  );
});
