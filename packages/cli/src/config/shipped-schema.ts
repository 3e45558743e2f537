import { readFileSync } from "node:fs";
import type { JsonSchema } from "@combined-registry/core";

let schema: JsonSchema | undefined;

/** The JSON Schema that the package ships, with every option and its meaning. Read when it is first needed. */
export function shippedSchema(): JsonSchema {
  schema ??= readSchema();
  return schema;
}

/**
 * The options that may stand in a table.
 * @param path the keys that lead to it, such as `["hosted", "tls"]`
 * @returns none if the schema has no table there
 */
export function optionsAt(path: readonly string[]): readonly string[] {
  const found = path.reduce(
    (tables, key) => tables.flatMap(({ properties }) => tablesIn(properties?.[key])),
    tablesIn(shippedSchema()),
  );
  return [...new Set(found.flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** An option is a table, or may be one instead of a short form, or is a list of them. */
function tablesIn(option: JsonSchema | undefined): readonly JsonSchema[] {
  if (option === undefined) {
    return [];
  }
  const inner = [...(option.anyOf ?? []), ...(option.items === undefined ? [] : [option.items])];
  return [...(option.properties === undefined ? [] : [option]), ...inner.flatMap(tablesIn)];
}

function readSchema(): JsonSchema {
  return JSON.parse(readFileSync(new URL("../../schema.json", import.meta.url), "utf8"));
}
