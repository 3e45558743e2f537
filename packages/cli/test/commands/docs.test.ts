import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { build } from "../support/build.ts";
import { openLab } from "../support/lab.ts";

beforeAll(build, 120_000);

const rules = [{ match: "corp/**", pull: ["hosted"] }, { match: "team/**" }];

/** What a command prints, without what differs from run to run. */
function shape(printed: string): string[] {
  return printed
    .trim()
    .split("\n")
    .map((line) =>
      line
        .replace(/https?:\/\/\S+/g, "<url>")
        .replace(/[\d.]+ ms/g, "<time>")
        .replace(/\S+ is valid/g, "<file> is valid")
        .replace(/sha256:([0-9a-f]{12}|[0-9a-f]{64})\b/g, "<digest>")
        .replace(/ +/g, " ")
        .trim(),
    );
}

async function shown(command: string): Promise<{ argv: string[]; printed: string }> {
  const page = await readFile(new URL("../../../../docs/operations.md", import.meta.url), "utf8");
  const [, line = "", printed = ""] =
    new RegExp(`\`\`\`console\n\\$ combined-registry (${command}[^\n]*)\n(.*?)\`\`\``, "s").exec(page) ?? [];
  return { argv: line.split(" "), printed };
}

describe("the page for operators shows what the program prints", () => {
  test.each(["explain", "check"])("for %s", async (command) => {
    await using lab = await openLab({ rules }, { hosted: { deletes: false, referrers: false } });
    const { argv, printed } = await shown(command);

    const { out } = await lab.run(argv);

    expect(shape(printed)).toEqual(shape(out));
    expect(shape(out).length).toBeGreaterThan(5);
  });
});
