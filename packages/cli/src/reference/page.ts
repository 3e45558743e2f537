import type { JsonSchema } from "@combined-registry/core";
import { ownSchema } from "../config/own-schema.ts";
import { type OptionRow, optionRows } from "./option-rows.ts";

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
