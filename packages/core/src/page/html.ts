interface Table {
  readonly heading: string;
  readonly columns: readonly string[];
  /** The first cell names the row. */
  readonly rows: readonly (readonly Part[])[];
}

/**
 * A table that a narrow window shows as a list. The explicit roles are needed because browsers drop the semantics of a table whose
 * parts have another `display`.
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

/** Markup, as opposed to text. Only `html` makes it, so that text is never taken for markup. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

/** A value in a template: markup is inserted unchanged, text is escaped, lists are concatenated, undefined is empty. */
export type Part = Html | string | number | undefined | readonly Part[];

/** Markup from a template. Every value is escaped unless `html` made it. Attributes have to be quoted. */
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
