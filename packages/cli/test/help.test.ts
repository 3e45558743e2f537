import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { parseCommandLine } from "../src/program.ts";
import { runMain } from "./support/run-main.ts";

const commands = ["serve", "explain", "check", "init", "completion"];

/** What follows `combined-registry` in the examples of a help text. */
function examplesIn(help: string): string[][] {
  const lines = /\nExamples:\n((?: {2}.*\n)+)/.exec(help)?.[1]?.trimEnd().split("\n") ?? [];
  return lines.map((line) => {
    const [, command = ""] = /(?:^|[ (])combined-registry ?([^<>)#]*)/.exec(line) ?? [];
    return command.trim().split(" ").filter(Boolean);
  });
}

describe("help", () => {
  test("lists every command", async () => {
    const { code, out } = await runMain(["--help"]);
    expect(code).toBe(0);
    for (const command of commands) {
      expect(out).toMatch(new RegExp(`^ {2}${command} `, "m"));
    }
  });

  test.each([[[]], ...commands.map((command) => [[command]])])(
    "of %j has examples that the program understands, and its exit codes",
    async (command) => {
      const { out } = await runMain([...command, "--help"]);

      const examples = examplesIn(out);
      expect(examples.length).toBeGreaterThan(0);
      const silent = { out: () => {}, err: () => {} };
      for (const argv of examples) {
        const wanted = await parseCommandLine(argv, "0.0.0", silent);
        expect([...command, wanted.command]).toContain(command[0] ?? wanted.command);
      }
      expect(out).toContain("Exit code: 0");
    },
  );
});

describe("a slip of the finger is told from what exists", () => {
  test.each([
    [["--hostd", "http://x"], "(Did you mean one of --host, --hosted?)"],
    [["--prot", "1"], "(Did you mean --port?)"],
    [["check", "--jsn"], "(Did you mean --json?)"],
    [["init", "--forse"], "(Did you mean --force?)"],
    [["chekc"], "(Did you mean check?)"],
    [["complete"], "(Did you mean completion?)"],
    [["completion", "tcsh"], "Allowed choices are bash, zsh, fish."],
    [["completion"], "missing required argument 'shell'"],
  ])("%j", async (argv, hint) => {
    const { code, out, err } = await runMain(argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(hint);
  });
});

describe("the page on the configuration", () => {
  test("names every command, and its commands are some that the program understands", async () => {
    const page = await readFile(new URL("../../../docs/configuration.md", import.meta.url), "utf8");
    const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, block = ""]) => block);
    const silent = { out: () => {}, err: () => {} };
    const understood: string[] = [];
    for (const argv of examplesIn(`\nExamples:\n${blocks.join("").replace(/^/gm, "  ")}`)) {
      understood.push((await parseCommandLine(argv, "0.0.0", silent)).command);
    }
    expect(understood).toEqual(expect.arrayContaining(["init", "check", "completion"]));
  });
});
