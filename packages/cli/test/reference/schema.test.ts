import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { configJsonSchema } from "@combined-registry/core";
import { describe, expect, jest, test } from "@jest/globals";
import { parse } from "yaml";
import { unknownOption } from "../../src/config/sentences.ts";
import { bases, defaults } from "../../src/defaults.ts";
import { sectionPaths } from "../../src/reference/page.ts";
import { makeReference } from "../../src/reference/reference.ts";
import { accepted, bySchema, folderOfFiles, options } from "./judges.ts";

jest.setTimeout(30_000);

const root = new URL("../../../../", import.meta.url);

/** The files of the repository whose path is like that, but for what is installed or built. */
async function filesOf(pattern: RegExp, folder = ""): Promise<string[]> {
  const entries = await readdir(new URL(folder, root), { withFileTypes: true });
  const found = entries.map(async (entry): Promise<string[]> => {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory()) {
      return /^(node_modules|dist|\.git)$/.test(entry.name) ? [] : filesOf(pattern, `${path}/`);
    }
    return pattern.test(path) ? [path] : [];
  });
  return (await Promise.all(found)).flat();
}

const read = (file: string) => readFile(new URL(file, root), "utf8");

describe("what is made out of the options", () => {
  test("is as `npm run reference` makes it", async () => {
    for (const { url, content } of await makeReference()) {
      expect(await readFile(url, "utf8")).toBe(content);
    }
  });

  test("has the values and the default of base that help and completion tell", () => {
    const { properties } = configJsonSchema();

    expect(properties?.base).toMatchObject({ enum: bases, default: defaults.base });
  });

  test("has an example of every option whose type does not say all that it can be", () => {
    const bare = options().filter(
      ({ schema }) =>
        schema.examples === undefined &&
        /"(?:type":"(?:string|integer)|pattern)"/.test(JSON.stringify(schema)),
    );
    expect(bare.filter(({ schema }) => !isSwitch(schema)).map(({ path }) => path)).toEqual([]);
  });

  test("knows the options that spelling suggestions come from, and the page has a section for each table", () => {
    for (const { path, isTable } of options()) {
      expect(unknownOption(path)).toBeUndefined();
      if (isTable) {
        expect(sectionPaths).toContain(path.replace(/^proxy\./, "hosted."));
      }
    }
    expect(options().length).toBeGreaterThan(80);
  });

  test("is found in the package", async () => {
    const script = 'console.log(require("combined-registry/schema.json").title)';
    const cwd = fileURLToPath(new URL("packages/cli/", root));
    const { stdout } = await promisify(execFile)(process.execPath, ["-e", script], { cwd });
    expect(stdout).toBe("Combined Registry\n");
  });
});

function isSwitch({ anyOf = [], properties }: { anyOf?: readonly object[]; properties?: object }): boolean {
  return properties !== undefined || anyOf.some((one) => "enum" in one || "properties" in one);
}

describe("every configuration that the documentation shows", () => {
  test("is one by the schema and for the program", async () => {
    await using folder = await folderOfFiles();
    const shown: string[] = [];
    for (const file of await filesOf(/\.md$/)) {
      for (const [, block = ""] of (await read(file)).matchAll(/```yaml\n(.*?)```/gs)) {
        const config: unknown = parse(block);
        // Others are of Kubernetes, compose and the like.
        if (typeof config === "object" && config !== null && "hosted" in config) {
          shown.push(file);
          expect({ file, block, ...bySchema(config) }).toMatchObject({ refused: [] });
          expect({ file, ...(await accepted(config, folder.path)) }).toEqual({ file, refused: undefined });
        }
      }
    }
    expect(shown.length).toBeGreaterThan(8);
  });

  test("so is every file of that name", async () => {
    await using folder = await folderOfFiles();
    for (const file of await filesOf(/(^|\/)combined-registry\.(ya?ml|json)$/)) {
      const config: unknown = parse(await read(file));
      expect({ file, ...bySchema(config) }).toMatchObject({ refused: [] });
      expect({ file, ...(await accepted(config, folder.path)) }).toEqual({ file, refused: undefined });
    }
  });
});
