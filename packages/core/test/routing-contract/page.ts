import { readFile } from "node:fs/promises";

/** A rule of docs/routing.md. */
export interface PageRule {
  readonly rule: string;
  /** The methods that its row names; undefined if it names none, or any. */
  readonly methods: readonly string[] | undefined;
}

const page = await readFile(new URL("../../../../docs/routing.md", import.meta.url), "utf8");
const [, chart = ""] = /```mermaid\n(.*?)```/s.exec(page) ?? [];

/** The rules in the page's tables, in order. */
export const pageRules: readonly PageRule[] = [...page.matchAll(/^\| (R\d+) *\|([^|]*)\|/gm)].map(
  ([, rule = "", second = ""]) => ({ rule, methods: methodsIn(second) }),
);

/** The rules in the page's flowchart, each once. */
export const chartRules: readonly string[] = [
  ...new Set([...chart.matchAll(/\bR\d+\b/g)].map(([rule]) => rule)),
];

function methodsIn(cell: string): string[] | undefined {
  const words = cell.trim().split(", ");
  return words.every((word) => /^[A-Z]+$/.test(word)) ? words : undefined;
}
