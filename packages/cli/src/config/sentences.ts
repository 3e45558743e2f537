import type { ConfigProblem } from "@combined-registry/core";
import { unknownOption } from "./known-options.ts";
import { type Origins, overrideOf } from "./overrides.ts";

/** Begins a sentence about an option: where it was set, and its name unless the source says that already. */
export function subject(option: string, origins: Origins): string {
  const override = overrideOf(option, origins);
  if (override !== undefined) {
    return option.endsWith(".name") ? `${override}, name` : override;
  }
  return [origins.file, option].filter(Boolean).join(": ") || "configuration";
}

/** One problem as one sentence. */
export function sentence(problem: ConfigProblem, origins: Origins): string {
  const unknown = unknownOption(problem.option);
  if (unknown !== undefined) {
    return `${origins.file ?? "configuration"}: ${unknown}`;
  }
  const given = problem.given === undefined ? "nothing was given" : `given ${problem.given}`;
  return `${subject(problem.option, origins)}: expected ${problem.expected}, ${given}`;
}
