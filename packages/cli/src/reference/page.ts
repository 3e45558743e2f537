import type { JsonSchema } from "@combined-registry/core";
import { isOverridable, overridable } from "../config/overrides.ts";
import { ownSchema } from "../config/own-schema.ts";
import { unitOf } from "./descriptions.ts";
import { isVariable, tablesIn } from "./file-schema.ts";

interface Section {
  readonly heading: string;
  /** The table whose options it has. */
  readonly path: string;
  /** Which of them; all without. */
  readonly only?: (key: string) => boolean;
}

const isOwn = (key: string) => Object.hasOwn(ownSchema.shape, key);
const ofProxies = ["auth", "namespace", "libraryPrefix", "match"];

const sections: readonly Section[] = [
  { heading: "The program", path: "", only: isOwn },
  { heading: "`tls`: HTTPS for clients", path: "tls" },
  { heading: "`auth`: users and passwords", path: "auth" },
  { heading: "`drain`: stopping", path: "drain" },
  { heading: "Routing", path: "", only: (key) => !isOwn(key) },
  { heading: "`hosted`, and each `proxy`", path: "hosted" },
  { heading: "Each `proxy` alone", path: "proxy", only: (key) => ofProxies.includes(key) },
  { heading: "`auth` of an upstream", path: "hosted.auth" },
  { heading: "`tls` of an upstream", path: "hosted.tls" },
  { heading: "`timeouts` of an upstream", path: "hosted.timeouts" },
  { heading: "`breaker` of an upstream", path: "hosted.breaker" },
  { heading: "`lookups` of an upstream", path: "hosted.lookups" },
  { heading: "`rules`, each", path: "rules" },
  { heading: "`access` of a rule", path: "rules.access" },
  { heading: "`memory`", path: "memory" },
  { heading: "`limits`", path: "limits" },
  { heading: "`metrics`", path: "metrics" },
];

/** The paths that the page has a section for. */
export const sectionPaths: readonly string[] = sections.map(({ path }) => path);

const begin = "<!-- begin: made by `npm run reference` -->\n";
const end = "<!-- end -->\n";

/** Puts the tables of options between the marks of the page. */
export function renderReference(schema: JsonSchema, page: string): string {
  const [before, , after] = [page.split(begin)[0], "", page.split(end)[1]];
  if (before === undefined || after === undefined || !page.includes(begin)) {
    throw new Error(`expected ${begin.trim()} and ${end.trim()} in the page`);
  }
  const rendered = sections.map(({ heading, path, only = () => true }) => {
    const rows = optionRows(schema, path).filter(({ key }) => only(key));
    return `### ${heading}\n\n${markdownTable(rows)}`;
  });
  return `${before}${begin}\n${rendered.join("\n")}\n${end}${after}`;
}

function markdownTable(options: readonly OptionRow[]): string {
  const rows = [
    ["option", "type", "default", "flag, environment", "meaning"],
    ...options.map((row) => [`\`${row.key}\``, row.type, row.default, row.elsewhere, row.meaning]),
  ];
  // A column that has nothing is none.
  const columns = [0, 1, 2, 3, 4].filter((column) => rows.slice(1).some((row) => row[column] !== ""));
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const line = (row: readonly string[], fill = " ") =>
    `| ${columns.map((column) => (row[column] ?? "").padEnd(width(column), fill)).join(" | ")} |\n`;
  const [head = [], ...body] = rows;
  return [line(head), line(["", "", "", "", ""], "-"), ...body.map((row) => line(row))].join("");
}

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
