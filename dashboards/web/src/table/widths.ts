import { sameItems } from '../../../../core/same.js';
import type { MetricColumn } from '../../../../report/columns.js';
import { quotedOf, spreadText } from '../../../../report/quoted.js';
import type { Row } from '../../../../report/rows.js';
import { scaled } from '../../../../report/scale.js';

/**
 * How wide columns have to be. Rows that were measured once are not measured again while their columns are
 * the same.
 */
export class Widths {
  #columns: readonly MetricColumn[] = [];
  #stacked = false;
  #widest: number[] = [];
  #measured = new WeakSet<Row>();

  /**
   * @param stacked the interval stands below its value
   * @returns for each column the characters that its widest value takes, with its interval in smaller type.
   */
  widthsOf(rows: readonly Row[], columns: readonly MetricColumn[], stacked = false): number[] {
    if (stacked !== this.#stacked || !sameItems(columns, this.#columns)) {
      this.#columns = columns;
      this.#stacked = stacked;
      this.#widest = columns.map(({ label }) => label.length + 1);
      this.#measured = new WeakSet();
    }
    for (const row of rows) {
      if (this.#measured.has(row)) continue;
      this.#measured.add(row);
      columns.forEach((column, i) => {
        this.#widest[i] = Math.max(this.#widest[i] ?? 0, widthOf(row, column, stacked));
      });
    }
    return this.#widest.map((widest) => Math.ceil(widest + 2.5));
  }
}

function widthOf(row: Row, { name, scale }: MetricColumn, stacked: boolean): number {
  const quoted = quotedOf(row, name);
  if (quoted === null) return 0;
  const number = scaled(quoted.value, scale).length;
  const spread = spreadText(quoted, scale).length;
  if (spread === 0) return number;
  return stacked ? Math.max(number, spread * 0.8) : number + spread * 0.9 + 0.6;
}
