import { parseArgs } from "node:util";
import { allSizes, type Sizes } from "./sizes.ts";

/** What the command line asks for. */
export interface Arguments {
  readonly sizes: Sizes;
  /** The folder for the results. */
  readonly out: string;
}

export const usage = `usage: npm run bench -- [--quick] [--out <folder>]
  --quick         ends within a minute: smaller sizes, fewer rounds
  --size <size>   full (the default), quick, or tiny, which only shows that the benchmark works
  --out <folder>  for results.json, table.md and chart.svg (default: bench-results)
`;

/** @throws Error that says what is wrong */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    // pnpm hands on the "--" of "pnpm bench -- --quick".
    args: args.filter((argument) => argument !== "--"),
    options: {
      quick: { type: "boolean", default: false },
      size: { type: "string" },
      out: { type: "string", default: "bench-results" },
    },
  });
  const name = values.size ?? (values.quick ? "quick" : "full");
  const sizes = Object.values(allSizes).find((one) => one.name === name);
  if (sizes === undefined) {
    throw new Error(`--size: expected ${Object.keys(allSizes).join(", ")}, got "${name}"`);
  }
  return { sizes, out: values.out };
}
