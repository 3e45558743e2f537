import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { checkout } from "../src/checkout.ts";
import { commandRuns, notRun } from "../src/command-runs.ts";
import { commandsIn } from "../src/doc-commands.ts";
import { docPages, readPage } from "../src/doc-pages.ts";

const listed = [...commandRuns.flatMap(({ commands }) => commands), ...Object.keys(notRun)];

describe.each(docPages)("%s", (page) => {
  it("has only commands of which it is known who runs them", () => {
    expect(commandsIn(readPage(page)).filter((command) => !listed.includes(command))).toEqual([]);
  });
});

describe("what is known of who runs which commands", () => {
  it("is of commands that some page still has, each once", () => {
    const had = new Set(docPages.flatMap((page) => commandsIn(readPage(page))));

    expect(listed.filter((command) => !had.has(command))).toEqual([]);
    expect(listed.filter((command, index) => listed.indexOf(command) !== index)).toEqual([]);
  });

  it.each(commandRuns)("holds of $by: it says $says", ({ by, says, commands }) => {
    const text = readFileSync(join(checkout, by), "utf8");

    expect(commands.length).toBeGreaterThan(0);
    expect(says.filter((words) => !text.includes(words))).toEqual([]);
  });

  it.each(Object.entries(notRun))("%s is not run, and the tests that are instead are there", (_, why) => {
    const named = why.match(/[\w/-]+\.test\.ts/g) ?? [];
    const folders = ["packages/e2e/test", "packages/e2e/test/examples"];

    expect(why).toMatch(/\.$/);
    expect(
      named.filter((file) => !folders.some((folder) => existsSync(join(checkout, folder, file)))),
    ).toEqual([]);
  });
});

describe("commands", () => {
  it("are lines without comments, of shells' blocks and of the text", () => {
    const page = [
      "Try `npm test`, or a `docker` of `docker-registry`'s.\n",
      "```sh\nnpm  start   # it\nA=b \\\nnpx c  --d # e\n\n# nothing\nsource <(f#g)\n```\n",
      "```console\n$ combined-registry check\n  it prints\n```\n",
      "```\ndocker pull image    # here\nno command\n```\n",
      "```yaml\nnpm: x\n```\n",
    ];

    expect(commandsIn(page.join("\n"))).toEqual([
      "npm start",
      "A=b npx c --d",
      "source <(f#g)",
      "combined-registry check",
      "docker pull image",
      "npm test",
    ]);
  });
});
