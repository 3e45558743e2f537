/** Markup, as opposed to text. Made by `html` alone, so that text cannot be taken for it. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

/** What may stand in a template: markup as it is, text escaped, lists one after the other, nothing for what is not there. */
export type Part = Html | string | number | undefined | readonly Part[];

/** Markup out of a template. Whatever is put in is text, unless it was made by `html` itself; attributes have to be quoted. */
export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(template.reduce((markup, text, index) => `${markup}${markupOf(parts[index - 1])}${text}`));
}

function markupOf(part: Part): string {
  if (part instanceof Html) {
    return part.markup;
  }
  return typeof part === "object" ? part.map(markupOf).join("") : escaped(String(part ?? ""));
}

const references: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => references[character] ?? "");
}
