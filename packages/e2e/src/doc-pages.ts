import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "./checkout.ts";

/** The Markdown files of the product, from the top of the checkout. */
export const docPages: readonly string[] = [
  "README.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  ...readdirSync(join(checkout, "docs")).map((file) => `docs/${file}`),
  ...["packages", "examples"].flatMap((folder) =>
    readdirSync(join(checkout, folder)).map((name) => `${folder}/${name}/README.md`),
  ),
].filter((page) => page.endsWith(".md") && existsSync(join(checkout, page)));

export function readPage(page: string): string {
  return readFileSync(join(checkout, page), "utf8");
}

/** A block between fences. */
export interface Fenced {
  /** Empty where the page says none. */
  readonly language: string;
  readonly text: string;
}

const fence = /^```(\w*)\n(.*?)^```$/gms;

export function fencedIn(page: string): Fenced[] {
  return [...page.matchAll(fence)].map(([, language = "", text = ""]) => ({ language, text }));
}

/** What stands between backticks in the text itself; in a table, `\|` is `|`. */
export function spansIn(page: string): string[] {
  const spans = [...page.replace(fence, "").matchAll(/`([^`\n]+)`/g)];
  return spans.map(([, span = ""]) => span.replaceAll("\\|", "|"));
}
