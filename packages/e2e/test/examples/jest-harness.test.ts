import { afterAll, expect, it } from "@jest/globals";
import { installExample } from "../../src/example.ts";
import { Resources } from "../../src/resources.ts";
import { run } from "../../src/run.ts";
import { searchPath } from "../../src/search-path.ts";

const resources = new Resources();
afterAll(() => resources[Symbol.asyncDispose](), 60_000);

it("examples/jest-harness, installed from what is published, passes its own tests", async () => {
  const folder = await installExample("jest-harness", resources);

  // Jest reports on standard error; this has it on standard output too.
  const report: { numPassedTests: number; numTotalTests: number } = JSON.parse(
    await run("npm", ["test", "--silent", "--prefix", folder, "--", "--json", `--rootDir=${folder}`], {
      PATH: searchPath,
      HOME: folder,
      NODE_NO_WARNINGS: "1",
    }),
  );

  expect(report.numTotalTests).toBeGreaterThanOrEqual(3);
  expect(report.numPassedTests).toBe(report.numTotalTests);
}, 300_000);
