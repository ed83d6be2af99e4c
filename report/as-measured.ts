import { metricNamed } from '../core/metrics/catalogue.js';
import type { Objective } from '../core/sweep/spec.js';
import { isBetter } from '../judgement/pareto.js';
import { labelOf } from './columns.js';
import { isAsMeasured, type Quoted, quotedOf, quotedText, UNLIKE_ADVICE } from './quoted.js';
import type { Row } from './rows.js';

/** @returns what is best by what was measured alone, and that nobody recommends it. */
export const bestAsMeasuredText = (row: string, metric: string, quoted: Quoted): string =>
  `best as measured: ${row}: ${labelOf(metricNamed(metric)!)} ${quotedText(metric, quoted)}. This is no recommendation, for ${UNLIKE_ADVICE}`;

/** @returns the name of a row in a sentence: `row 3 small q8_0`. */
export const rowName = ({ number, label }: Pick<Row, 'number' | 'label'>): string =>
  `row ${number} ${label}`.trim();

/**
 * @returns what is best as measured where no row is on the front and that is why, in a sentence; else none.
 */
export function asMeasuredLines(rows: readonly Row[], objectives: readonly Objective[]): string[] {
  if (rows.some(({ onFront }) => onFront)) return [];
  for (const { metric, better } of objectives) {
    const found = rows.flatMap((row) => {
      const quoted = row.state === 'valid' ? quotedOf(row, metric) : null;
      return quoted !== null && isAsMeasured(quoted) ? [{ row, quoted }] : [];
    });
    const [first, ...others] = found;
    if (first === undefined) continue;
    const best = others.reduce(
      (so, one) => (isBetter(one.quoted.value, so.quoted.value, better) ? one : so),
      first,
    );
    return [bestAsMeasuredText(rowName(best.row), metric, best.quoted)];
  }
  return [];
}
