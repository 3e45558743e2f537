import { readFileSync } from "node:fs";
import type { JsonSchema } from "@combined-registry/core";
import { Ajv } from "ajv";
import { check } from "../../src/config/check.ts";
import { substitute } from "../../src/config/substitute.ts";
import { isTable } from "../../src/config/table.ts";
import { Failure } from "../../src/failure.ts";
import { tablesIn } from "../../src/reference/file-schema.ts";
import { fixture } from "../support/fixture.ts";
import { type Folder, folderWith } from "../support/folder.ts";

const schema: JsonSchema = JSON.parse(readFileSync(new URL("../../schema.json", import.meta.url), "utf8"));
// Strict about the schema itself: a misspelt keyword is an error.
const validate = new Ajv({
  strict: true,
  strictTypes: false,
  strictRequired: false,
  allErrors: true,
}).compile(schema);

/** What the published schema says of a configuration. */
export function bySchema(config: unknown): { readonly refused: readonly string[] } {
  return validate(config)
    ? { refused: [] }
    : { refused: (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`) };
}

const environment = new Proxy<NodeJS.ProcessEnv>({}, { get: () => "No such thing" });

/**
 * What the program says of it, all variables being set and all files that it names being there.
 * @param folder has the file `every`, which stands for each of them
 */
export async function accepted(
  config: unknown,
  folder: string,
): Promise<{ readonly refused: string | undefined }> {
  const { value } = substitute(config, environment);
  if (!isTable(value)) {
    return { refused: "no table" };
  }
  try {
    const table = everyFileIs("every", value);
    await check({ table, origins: { file: undefined, overrides: new Map() } }, folder, async () => undefined);
    return { refused: undefined };
  } catch (error) {
    if (error instanceof Failure) {
      return { refused: error.message };
    }
    throw error;
  }
}

/** A folder for `accepted`. */
export async function folderOfFiles(): Promise<Folder> {
  const [cert, key] = ["test-only.cert.pem", "test-only.key.pem"].map((name) =>
    readFileSync(fixture(name), "utf8"),
  );
  return folderWith({ every: `${cert}${key}` });
}

function everyFileIs(name: string, value: object): Record<string, unknown> {
  const inner = (key: string, one: unknown): unknown => {
    if (Array.isArray(one)) {
      return one.map((each) => inner("", each));
    }
    if (isTable(one)) {
      return everyFileIs(name, one);
    }
    return typeof one === "string" && one !== "" && key.endsWith("File") ? name : one;
  };
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inner(key, one)]));
}

/** An option of the schema; `proxy.tls.verify` is one. */
export interface Option {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly isTable: boolean;
}

export function options(table: JsonSchema = schema, above = ""): Option[] {
  const found = tablesIn(table).flatMap(({ properties = {} }) =>
    Object.entries(properties).flatMap(([key, one]): Option[] => {
      const path = above === "" ? key : `${above}.${key}`;
      return [{ path, schema: one, isTable: tablesIn(one).length > 0 }, ...options(one, path)];
    }),
  );
  // A lone proxy and those in a list are the same.
  return [...new Map(found.map((option) => [option.path, option])).values()];
}
