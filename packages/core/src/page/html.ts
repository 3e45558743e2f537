/** One row per thing, whose name is in the first column. */
export interface Table {
  /** The id of the heading that the table is under. */
  readonly heading: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Part[])[];
}

/**
 * A table that a narrow window shows as a list of things with what is said of each. Browsers forget what a table is when its parts are
 * laid out otherwise, so the roles say it.
 */
export function table({ heading, columns, rows }: Table): Html {
  return html`<table role="table" aria-labelledby="${heading}">
<thead role="rowgroup"><tr role="row">${columns.map((column) => html`<th role="columnheader" scope="col">${column}</th>`)}</tr></thead>
<tbody role="rowgroup">${rows.map((row) => tableRow(columns, row))}</tbody>
</table>`;
}

function tableRow(columns: readonly string[], cells: readonly Part[]): Html {
  return html`<tr role="row">${cells.map((cell, index) =>
    index === 0
      ? html`<th role="rowheader" scope="row">${cell}</th>`
      : html`<td role="cell" data-column="${columns[index]}">${cell}</td>`,
  )}</tr>
`;
}

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
