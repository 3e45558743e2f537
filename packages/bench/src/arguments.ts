import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { allSizes, type Sizes } from "./sizes.ts";

/** What the command line asks for. */
export interface Arguments {
  readonly sizes: Sizes;
  /** The folder for the results. */
  readonly out: string;
  /** The program of another build of the router; undefined to measure against other servers. */
  readonly against: string | undefined;
}

export const usage = `usage: npm run bench -- [--quick] [--out <folder>]
  --quick         ends within a minute: smaller sizes, fewer rounds
  --size <size>   full (the default), quick, or tiny, which only shows that the benchmark works
  --rounds <n>    turns that each peer has at each work (default: 5, or 3 with --quick)
  --against <file>  measure against another build of the router instead of other servers:
                  <file> is its packages/cli/bin/combined-registry.js
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
      rounds: { type: "string" },
      against: { type: "string" },
      out: { type: "string", default: "bench-results" },
    },
  });
  const name = values.size ?? (values.quick ? "quick" : "full");
  const sizes = Object.values(allSizes).find((one) => one.name === name);
  if (sizes === undefined) {
    throw new Error(`--size: expected ${Object.keys(allSizes).join(", ")}, got "${name}"`);
  }
  const rounds = values.rounds === undefined ? sizes.rounds : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds: expected a whole number from 1 on, got "${values.rounds}"`);
  }
  if (values.against !== undefined && !existsSync(values.against)) {
    throw new Error(
      `--against: expected the program of another build, got "${values.against}", which is not there`,
    );
  }
  const against = values.against === undefined ? undefined : resolve(values.against);
  return { sizes: { ...sizes, rounds }, out: values.out, against };
}
