import { describe, expect, it } from "@jest/globals";
import { median, percentile } from "../src/statistics.ts";

describe("median", () => {
  it.each([
    { values: [3], expected: 3 },
    { values: [9, 1, 5], expected: 5 },
    { values: [10, 2, 4, 100], expected: 7 },
    { values: [1e9, 200, 9], expected: 200 },
  ])("of $values is $expected", ({ values, expected }) => {
    expect(median(values)).toBe(expected);
  });

  it("of nothing is not a number", () => {
    expect(median([])).toBeNaN();
  });

  it("leaves the values in their order", () => {
    const values = [3, 1, 2];

    median(values);

    expect(values).toEqual([3, 1, 2]);
  });
});

describe("percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it.each([
    { share: 0.5, expected: 50 },
    { share: 0.99, expected: 99 },
    { share: 1, expected: 100 },
    { share: 0, expected: 1 },
  ])("$share of one to a hundred is $expected", ({ share, expected }) => {
    expect(percentile(hundred, share)).toBe(expected);
  });

  it("of a few is one of them", () => {
    expect(percentile([5, 7], 0.99)).toBe(7);
  });

  it("of nothing is not a number", () => {
    expect(percentile([], 0.5)).toBeNaN();
  });
});
