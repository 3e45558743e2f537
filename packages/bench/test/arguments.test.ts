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

  it.each([
    { args: ["--size", "huge"], message: '--size: expected full, quick, tiny, got "huge"' },
    { args: ["--fast"], message: "Unknown option '--fast'" },
  ])("$args are refused", ({ args, message }) => {
    expect(() => readArguments(args)).toThrow(message);
  });
});
