/** Adds colour to a cell. The width of the column is that of the plain text. */
export type PaintCell = (cell: string, column: number, row: number) => string;

/** Cells in aligned columns. */
export function table(rows: readonly (readonly string[])[], paint: PaintCell = (cell) => cell): string {
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows
    .map((row, at) => {
      const cells = row.map((cell, column) => paint(cell, column, at) + padding(cell, width(column)));
      return `  ${cells.join("  ")}`.trimEnd();
    })
    .join("\n");
}

function padding(cell: string, width: number): string {
  return " ".repeat(width - cell.length);
}
