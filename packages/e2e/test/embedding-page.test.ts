import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "@jest/globals";
import { run } from "../src/run.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const page = await readFile(join(root, "docs/embedding.md"), "utf8");

interface Block {
  readonly language: string;
  readonly text: string;
  /** Where it begins in the page, counted from 1. */
  readonly line: number;
}

const blocks: readonly Block[] = [...page.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(
  ({ 1: language = "", 2: text = "", index }) => ({
    language,
    text,
    line: page.slice(0, index).split("\n").length + 1,
  }),
);
const inLanguage = (language: string) => blocks.filter((block) => block.language === language);

/** Lines as they read whatever they are nested in. */
const unindented = (text: string) => text.replace(/^ +/gm, "");

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

/** A folder from which packages are found as they are from this one. */
async function folderInside(): Promise<string> {
  const parent = join(root, "packages/e2e/dist");
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, "page-"));
  folders.push(folder);
  return folder;
}

async function examples(pattern: RegExp): Promise<string[]> {
  const folder = join(root, "examples");
  const files = await readdir(folder, { recursive: true });
  const sources = files.filter((file) => pattern.test(file) && !file.includes("node_modules"));
  return await Promise.all(sources.map((file) => readFile(join(folder, file), "utf8")));
}

describe("the page on embedding", () => {
  it("has code in no language but those that are checked below", () => {
    expect([...new Set(blocks.map(({ language }) => language))].sort()).toEqual(["js", "json", "ts"]);
  });

  it.each([
    ["js", /\.mjs$/],
    ["json", /package\.json$/],
  ])("shows %s as it stands in examples, which other tests run", async (language, pattern) => {
    const sources = (await examples(pattern)).map(unindented);

    const strangers = inLanguage(language).filter(
      ({ text }) => !sources.some((source) => source.includes(unindented(text))),
    );

    expect(strangers).toEqual([]);
  });

  it("shows TypeScript that compiles, as strictly as can be", async () => {
    const folder = await folderInside();
    const options = { composite: false, noEmit: true, noUnusedLocals: true, noUnusedParameters: true };
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../../../tsconfig.base.json", compilerOptions: options }),
    );
    for (const { text, line } of inLanguage("ts")) {
      // Errors have the page's own line numbers.
      await writeFile(join(folder, `embedding-line-${line}.ts`), "\n".repeat(line - 1) + text);
    }

    const compiler = join(root, "node_modules/typescript/bin/tsc");
    await run(process.execPath, [compiler, "--project", folder], process.env);
  }, 120_000);
});
