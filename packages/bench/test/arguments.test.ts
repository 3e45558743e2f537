import { resolve } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { readArguments } from "../src/arguments.ts";

describe("arguments", () => {
  it.each([
    { args: [], size: "full", out: "bench-results" },
    { args: ["--quick"], size: "quick", out: "bench-results" },
    { args: ["--", "--quick", "--out", "there"], size: "quick", out: "there" },
    { args: ["--size", "tiny"], size: "tiny", out: "bench-results" },
  ])("$args: $size, to $out", ({ args, size, out }) => {
    const read = readArguments(args);

    expect([read.sizes.name, read.out]).toEqual([size, out]);
  });

  it("take the program of another build, and how many rounds", () => {
    const { against, sizes } = readArguments([
      "--against",
      "packages/bench/../bench/package.json",
      "--rounds",
      "7",
    ]);

    expect([against, sizes.rounds]).toEqual([resolve("packages/bench/package.json"), 7]);
  });

  it.each([
    {
      args: ["--against", "nowhere.js"],
      message: '--against: expected the program of another build, got "nowhere.js", which is not there',
    },
    { args: ["--rounds", "0"], message: '--rounds: expected a whole number from 1 on, got "0"' },
    { args: ["--size", "huge"], message: '--size: expected full, quick, tiny, got "huge"' },
    { args: ["--fast"], message: "Unknown option '--fast'" },
  ])("$args are refused", ({ args, message }) => {
    expect(() => readArguments(args)).toThrow(message);
  });
});
