import { type Html, html, type Part } from "./html.ts";

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
