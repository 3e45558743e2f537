import type { ConfigProblem } from "@combined-registry/core";
import { nearest } from "./nearest.ts";
import { type Origins, overrideOf } from "./overrides.ts";
import { optionsAt } from "./shipped-schema.ts";

/** The beginning of a sentence about an option: its source, and its name unless the source implies it. */
export function subject(option: string, origins: Origins): string {
  const override = overrideOf(option, origins);
  if (override !== undefined) {
    return option.endsWith(".name") ? `${override}, name` : override;
  }
  return [origins.file, option].filter(Boolean).join(": ") || "configuration";
}

export function sentence(problem: ConfigProblem, origins: Origins): string {
  const unknown = unknownOption(problem.option);
  if (unknown !== undefined) {
    return `${origins.file ?? "configuration"}: ${unknown}`;
  }
  const given = problem.given === undefined ? "nothing was given" : `given ${problem.given}`;
  return `${subject(problem.option, origins)}: expected ${problem.expected}, ${given}`;
}

/** A sentence about an option that does not exist, with the name that was probably meant. Undefined for an option that exists. */
export function unknownOption(option: string): string | undefined {
  const path = option.replace(/\[\d+\]/g, "").split(".");
  const key = path.pop() ?? "";
  const known = knownAt(path);
  if (known.length === 0 || option === "" || option.endsWith("]") || known.includes(key)) {
    return undefined;
  }
  const meant = nearest(key, known);
  return `no option ${JSON.stringify(option)}${meant === undefined ? "" : `, did you mean ${JSON.stringify(meant)}?`}`;
}

function knownAt(path: readonly string[]): readonly string[] {
  const [first, ...rest] = path;
  if (first === undefined) {
    // A function, which only a script can give: the schema is of files.
    return [...optionsAt([]), "authorize"];
  }
  if (first !== "hosted" && first !== "proxy") {
    return optionsAt(path);
  }
  // An option that only proxies take is known at hosted too: the router says why it may not stand there.
  return [...new Set([...optionsAt(["proxy", ...rest]), ...optionsAt(["hosted", ...rest])])];
}
