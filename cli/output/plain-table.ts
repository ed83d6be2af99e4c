import { printable } from '../../core/input/printable.js';
import { printData } from './print.js';

type Cell = string | number | null;

/**
 * Lines up columns with two spaces between them, numbers to the right; no borders, so that the output is
 * as good for `awk` as for people. null prints as a dash, and what would move the cursor not at all.
 */
export function plainTable(headers: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const text = (cell: Cell | undefined): string =>
    cell === null || cell === undefined ? '-' : printable(String(cell));
  const widths = headers.map((header, i) =>
    Math.max(header.length, ...rows.map((row) => text(row[i]).length)),
  );
  const numeric = headers.map((_, i) => rows.every((row) => row[i] === null || typeof row[i] === 'number'));
  const line = (cells: readonly Cell[]): string =>
    cells
      .map((cell, i) => {
        const width = widths[i] ?? 0;
        return numeric[i] === true ? text(cell).padStart(width) : text(cell).padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line([...headers]), ...rows.map(line)].join('\n');
}

/** The columns of a table of items: what stands below each head. */
export type Columns<T> = Readonly<Record<string, (item: T) => Cell>>;

/** The same of items, by its columns. */
export function tableOf<T>(items: readonly T[], columns: Columns<T>): string {
  const cells = Object.values(columns);
  return plainTable(
    Object.keys(columns),
    items.map((item) => cells.map((cell) => cell(item))),
  );
}

/** Writes it to stdout. */
export function printTable(headers: readonly string[], rows: readonly (readonly Cell[])[]): void {
  printData(plainTable(headers, rows));
}
