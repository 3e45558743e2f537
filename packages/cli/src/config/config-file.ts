import { access } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { cosmiconfig, defaultLoaders, type Loader } from "cosmiconfig";
import { errorCode, fileProblem, isFileError, messageOf, misuse, property } from "../failure.ts";
import type { BeforeRead } from "../lifecycle/watch.ts";
import { loadScript } from "./script.ts";
import { isTable, type Table } from "./table.ts";

const name = "combined-registry";

/** The file names that are tried in this order if there is no `--config`. */
const searchPlaces = [
  ...["yaml", "yml", "json", "js", "mjs", "cjs"].map((extension) => `${name}.${extension}`),
  ...["js", "mjs", "cjs"].map((extension) => `${name}.config.${extension}`),
  ...["", ".yaml", ".yml", ".json", ".js", ".mjs", ".cjs"].map((extension) => `.${name}rc${extension}`),
  "package.json",
];

export interface ConfigFile {
  readonly path: string;
  readonly written: Table;
}

export interface ConfigFileSources {
  /** The file that `--config` names. */
  readonly configFile: string | undefined;
  /** The folder of relative and well-known names. */
  readonly folder: string;
  readonly beforeRead: BeforeRead;
}

/**
 * Reads the file in use if there is one, the named file, or the first of the well-known ones in the folder.
 * @throws Failure if there is a file that cannot be read or is not a table of options
 */
export async function readConfigFile(
  { configFile: named, folder, beforeRead }: ConfigFileSources,
  inUse?: ConfigFile,
): Promise<ConfigFile | undefined> {
  if (inUse !== undefined) {
    return readAgain(inUse, beforeRead);
  }
  if (named !== undefined) {
    const path = resolve(folder, named);
    await beforeRead(path);
    const file = await load(path, "option --config", named);
    if (file === undefined) {
      throw misuse(
        `option --config: expected options under ${JSON.stringify(name)}, given none in ${JSON.stringify(named)}`,
      );
    }
    return file;
  }
  // cosmiconfig's own search skips a file that it cannot read, and a router whose configuration asks for passwords must not start
  // without it.
  for (const place of searchPlaces) {
    const path = resolve(folder, place);
    if (await exists(path)) {
      await beforeRead(path);
      const file = await load(path, "configuration file", path);
      if (file !== undefined) {
        return file;
      }
    }
  }
  return undefined;
}

/** A file that has become empty (a full disk, an unfinished write) must not switch authentication off. */
async function readAgain({ path, written }: ConfigFile, beforeRead: BeforeRead): Promise<ConfigFile> {
  await beforeRead(path);
  const file = await load(path, "configuration file", path);
  if (file === undefined || (isEmpty(file.written) && !isEmpty(written))) {
    throw misuse(
      `configuration file: expected options as there were before, given none in ${JSON.stringify(path)}`,
    );
  }
  return file;
}

function isEmpty(written: Table): boolean {
  return Object.keys(written).length === 0;
}

const parseJson: Loader = (_path, content): unknown => JSON.parse(content);

const data: Readonly<Record<string, Loader>> = {
  ".yaml": defaultLoaders[".yaml"],
  ".yml": defaultLoaders[".yml"],
  ".json": parseJson,
  noExt: defaultLoaders.noExt,
};
const scripts: Readonly<Record<string, Loader>> = {
  ".js": loadScript,
  ".mjs": loadScript,
  ".cjs": loadScript,
};

/** Undefined for a package.json without options of this program. */
async function load(path: string, source: string, shown: string): Promise<ConfigFile | undefined> {
  const extension = extname(path) || "noExt";
  if (!Object.hasOwn(data, extension) && !Object.hasOwn(scripts, extension)) {
    const expected = "a file ending in .yaml, .yml, .json, .js, .mjs or .cjs";
    throw misuse(`${source}: expected ${expected}, given ${JSON.stringify(shown)}`);
  }
  let written: unknown;
  try {
    const result = await cosmiconfig(name, { loaders: { ...data, ...scripts }, cache: false }).load(path);
    written = result?.config;
  } catch (error) {
    if (isFileError(error)) {
      throw misuse(
        `${source}: expected a readable file, given ${JSON.stringify(shown)} (${fileProblem(error)})`,
      );
    }
    throw misuse(`${path}: ${Object.hasOwn(data, extension) ? syntaxProblem(error) : messageOf(error)}`);
  }
  // For a package.json without the key, cosmiconfig returns null.
  if (written === undefined || written === null) {
    return basename(path) === "package.json" ? undefined : { path, written: {} };
  }
  if (!isTable(written)) {
    throw misuse(`${path}: expected a table of options`);
  }
  return { path, written };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    return errorCode(error) !== "ENOENT";
  }
}

/** Why a file cannot be parsed. Leaves out the excerpts that parsers add, since they may contain passwords. */
function syntaxProblem(error: unknown): string {
  if (property(error, "name") === "SyntaxError") {
    const position = / at position \d+/.exec(messageOf(error))?.[0] ?? "";
    return `expected valid JSON, found a syntax error${position}`;
  }
  const line = property(property(error, "mark"), "line");
  const reason = String(property(error, "reason")).replace(/ ["!].*$/s, "");
  return `expected valid YAML, found a syntax error${typeof line === "number" ? ` in line ${line + 1}` : ""}: ${reason}`;
}
