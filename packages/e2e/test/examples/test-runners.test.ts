import { afterAll, expect, it } from "@jest/globals";
import { installExample } from "../../src/example.ts";
import { Resources } from "../../src/resources.ts";
import { run } from "../../src/run.ts";
import { searchPath } from "../../src/search-path.ts";

const resources = new Resources();
afterAll(() => resources[Symbol.asyncDispose](), 60_000);

const json = (report: string): [passed: number, total: number] => {
  const { numPassedTests, numTotalTests }: { numPassedTests: number; numTotalTests: number } =
    JSON.parse(report);
  return [numPassedTests, numTotalTests];
};
const tap = (report: string): [passed: number, total: number] => [
  Number(/^# pass (\d+)$/m.exec(report)?.[1]),
  Number(/^# tests (\d+)$/m.exec(report)?.[1]),
];

interface Runner {
  readonly name: string;
  /** What has it report in a way that can be read here. */
  readonly args: (folder: string) => readonly string[];
  readonly counts: (report: string) => [passed: number, total: number];
  readonly least: number;
}

const jestArgs = (folder: string) => ["--json", `--rootDir=${folder}`];
const runners: readonly Runner[] = [
  { name: "jest-harness", args: jestArgs, counts: json, least: 3 },
  { name: "jest-commonjs", args: jestArgs, counts: json, least: 2 },
  {
    name: "vitest",
    args: (folder) => ["--reporter=json", `--root=${folder}`],
    counts: json,
    least: 2,
  },
  { name: "node-test", args: () => ["--test-reporter=tap"], counts: tap, least: 2 },
];

it.each(runners)(
  "examples/$name, installed from what is published, passes its own tests",
  async (runner) => {
    const folder = await installExample(runner.name, resources);

    const report = await run(
      "npm",
      ["test", "--silent", "--prefix", folder, "--", ...runner.args(folder)],
      { PATH: searchPath, HOME: folder, NODE_NO_WARNINGS: "1" },
      { folder, timeout: 120_000 },
    );

    const [passed, total] = runner.counts(report);
    expect(total).toBeGreaterThanOrEqual(runner.least);
    expect(passed).toBe(total);
  },
  300_000,
);
