import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { installPacked, type PackageName } from "../src/packed.ts";
import { Resources } from "../src/resources.ts";
import { installedIn } from "../src/sizes.ts";

const readme = await readFile(new URL("../../../README.md", import.meta.url), "utf8");
const resources = new Resources();
afterAll(() => resources[Symbol.asyncDispose]());

/**
 * What each may become: a little more than it is, since dependencies make releases of their own. Whoever has to raise one
 * of these has added a dependency, and should have said why.
 */
const limits: [PackageName, { packages: number; megabytes: number }][] = [
  // With what `init` asks people with (@clack/prompts) and writes comments with (yaml), and what shows the log on a terminal (pino-pretty).
  ["combined-registry", { packages: 68, megabytes: 21 }],
  ["@combined-registry/core", { packages: 10, megabytes: 15 }],
  // With twenty profiles of registries.
  ["@combined-registry/testkit", { packages: 1, megabytes: 0.5 }],
];

describe.each(limits)("an installation of %s", (name, limit) => {
  it("is as small as the README says", async () => {
    const folder = await resources.folder();
    await writeFile(join(folder, "package.json"), JSON.stringify({ dependencies: { [name]: "*" } }));
    await installPacked(folder);

    const installed = await installedIn(folder);
    const [, packages, megabytes] =
      new RegExp(`\`${name}\`: (\\d+) packages?, ([\\d.]+) MB`).exec(readme) ?? [];

    expect(installed.packages).toBeLessThanOrEqual(limit.packages);
    expect(installed.megabytes).toBeLessThanOrEqual(limit.megabytes);
    expect(Math.abs(Number(packages) - installed.packages)).toBeLessThanOrEqual(2);
    expect(Math.abs(Number(megabytes) / installed.megabytes - 1)).toBeLessThan(0.1);
  }, 120_000);
});
