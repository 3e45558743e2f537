import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { startProgram } from "./support/program.ts";

/** What the program loads: packages by their names, and its own modules by their files. V8 writes it down when it exits. */
async function loadedBy(...argv: string[]): Promise<{ readonly packages: string[]; readonly own: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), "combined-registry-loaded-"));
  try {
    await using program = startProgram(argv, { environment: { NODE_V8_COVERAGE: folder } });
    await program.ended();
    const reports = await Promise.all(
      (await readdir(folder)).map((file) => readFile(join(folder, file), "utf8")),
    );
    const scripts: { url: string }[] = reports.flatMap((report) => JSON.parse(report).result);
    const urls = scripts.map(({ url }) => url).filter((url) => url.startsWith("file:"));
    const packages = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
    const own = urls.flatMap((url) => /\/cli\/dist\/(.*)\.js$/.exec(url)?.[1] ?? []);
    return { packages: [...new Set(packages)], own };
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("what the program loads", () => {
  it.each([["--version"], ["--help"], ["--no-such-option"], ["init", "--help"]])(
    "for %s %s is what reads the command line",
    async (...options) => {
      const { packages, own } = await loadedBy(...options);

      expect(packages).toEqual(["commander"]);
      expect(own).toContain("program");
      expect(
        own.filter((file) =>
          /^(commands|config\/check|completion|htpasswd|init\/|lifecycle|reference|workers)/.test(file),
        ),
      ).toEqual([]);
    },
  );

  it("for a configuration that is refused is not what serves", async () => {
    const { own } = await loadedBy("--hosted", "http://127.0.0.1:1", "--proxy", "not a url");

    expect(own).toContain("load-config");
    expect(own.filter((file) => /^(demo|commands\/(check|explain|demo))/.test(file))).toEqual([]);
  });
});
