import type { JsonSchema } from "@combined-registry/core";
import { isOverridable, overridable } from "../config/overrides.ts";
import { unitOf } from "./described.ts";
import { isVariable } from "./file-schema.ts";
import { tablesIn } from "./map-schema.ts";

/** An option as the page has it, each cell in Markdown. */
export interface OptionRow {
  readonly key: string;
  readonly type: string;
  readonly default: string;
  readonly elsewhere: string;
  readonly meaning: string;
}

/** The options of a table that are no tables themselves. @param path of the table, such as `hosted.tls` */
export function optionRows(schema: JsonSchema, path: string): OptionRow[] {
  const [table] = tablesAt(schema, path === "" ? [] : path.split("."));
  const { properties = {}, required = [] } = table ?? {};
  return Object.entries(properties).map(([key, option]) => ({
    key,
    type: typeOf(option),
    default: required.includes(key) ? "must be given" : shown(option.default),
    elsewhere: elsewhere(path === "" ? key : `${path}.${key}`),
    meaning: meaning(option),
  }));
}

/** The tables at the end of a path; lists and short forms in between are seen through. */
function tablesAt(schema: JsonSchema, path: readonly string[]): JsonSchema[] {
  const [key, ...rest] = path;
  const tables = tablesIn(schema);
  return key === undefined
    ? tables
    : tables.flatMap(({ properties }) => tablesAt(properties?.[key] ?? {}, rest));
}

function meaning({ description = "", examples = [] }: JsonSchema): string {
  const all = examples.map((example) => code(JSON.stringify(example))).join(", ");
  return escaped(all === "" ? description : `${description} Example: ${all}`);
}

function shown(value: unknown): string {
  return value === undefined ? "" : escaped(code(JSON.stringify(value)));
}

/** By the flag and the variables that set it, too. */
function elsewhere(option: string): string {
  const { flag, variables } = isOverridable(option)
    ? overridable[option]
    : { flag: undefined, variables: variablesAlone[option] ?? [] };
  return [...(flag === undefined ? [] : [flag]), ...variables].map(code).join(", ");
}

/** Variables that decide, together with others, about these options. */
const variablesAlone: Readonly<Record<string, readonly string[]>> = {
  auth: ["ENABLE_AUTH"],
  "auth.realm": ["AGGREGATE_HOSTNAME"],
};

function typeOf(schema: JsonSchema): string {
  const unit = unitOf(schema);
  const types = [...new Set(typesOf(schema))];
  return escaped(`${types.join(" or ")}${unit === undefined ? "" : `, ${unit}`}`);
}

function typesOf({ type, properties, items, anyOf, enum: values, const: value }: JsonSchema): string[] {
  if (anyOf !== undefined) {
    return anyOf.flatMap((one) => (isVariable(one) ? [] : typesOf(one)));
  }
  if (values !== undefined || value !== undefined) {
    return [...(values ?? []), ...(value === undefined ? [] : [value])].map((one) =>
      code(JSON.stringify(one)),
    );
  }
  if (items !== undefined) {
    return [`list of ${typesOf(items).join(" or ")}`];
  }
  return properties !== undefined ? ["table"] : [names[type ?? ""] ?? "anything"];
}

const names: Readonly<Record<string, string>> = {
  string: "text",
  integer: "whole number",
  boolean: "true or false",
};

function code(text: string): string {
  return `\`${text}\``;
}

/** A bar would begin the next cell. */
function escaped(text: string): string {
  return text.replaceAll("|", "\\|");
}
