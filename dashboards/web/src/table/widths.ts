import type { MetricColumn } from '../../../../report/columns.js';
import { intervalOf, metricOf, type Row } from '../../../../report/rows.js';
import { intervalText, scaled } from '../../../../report/scale.js';

/** How wide columns have to be. Rows that were measured once are not measured again while their columns are the same. */
export class Widths {
  #columns: readonly MetricColumn[] = [];
  #widest: number[] = [];
  #measured = new WeakSet<Row>();

  /** @returns for each column the characters that its widest value takes, with its half interval in smaller type. */
  of(rows: readonly Row[], columns: readonly MetricColumn[]): number[] {
    const before = this.#columns;
    if (columns.length !== before.length || columns.some((column, i) => column !== before[i])) {
      this.#columns = columns;
      this.#widest = columns.map(({ label }) => label.length + 1);
      this.#measured = new WeakSet();
    }
    for (const row of rows) {
      if (this.#measured.has(row)) continue;
      this.#measured.add(row);
      columns.forEach((column, i) => {
        this.#widest[i] = Math.max(this.#widest[i] ?? 0, widthOf(row, column));
      });
    }
    return this.#widest.map((widest) => Math.ceil(widest + 2.5));
  }
}

function widthOf(row: Row, { name, scale }: MetricColumn): number {
  const value = metricOf(row, name);
  if (value === null) return 0;
  const interval = intervalOf(row, name);
  const spread = interval === null ? 0 : intervalText(value, interval, scale).length * 0.9 + 0.6;
  return scaled(value, scale).length + spread;
}
