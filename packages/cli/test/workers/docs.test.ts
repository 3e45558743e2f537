import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import { build } from "../support/build.ts";
import { folderWith } from "../support/folder.ts";
import { startProgram } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

beforeAll(build, 120_000);
jest.setTimeout(60_000);

/** Log lines without what differs from run to run; workers are ready in any order. */
function shape(lines: readonly object[]): string[] {
  return lines
    .map((line) =>
      JSON.stringify({ ...line, time: "", pid: 0, hosted: "", proxy: "", config: "" }).replace(
        /on http:.*?"/,
        '"',
      ),
    )
    .sort();
}

describe("the page for operators", () => {
  test("shows what several processes log when they begin", async () => {
    const page = await readFile(new URL("../../../../docs/operations.md", import.meta.url), "utf8");
    const [, command = "", printed = ""] =
      /```console\n\$ combined-registry (--workers[^\n]*)\n(.*?)```/s.exec(page) ?? [];
    await using hosted = await startUpstream();
    const config = JSON.stringify({ hosted: hosted.url, proxy: hosted.url, host: "127.0.0.1", port: 0 });
    await using folder = await folderWith({ "combined-registry.json": config });

    await using program = startProgram(command.split(" "), { folder: folder.path });
    await program.url();

    const shown: object[] = printed
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(shape(shown)).toEqual(shape(program.soFar()));
    expect(shown).toHaveLength(3);
  });
});
