import type { ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import { type Comparison, comparisonOf } from '../../../report/compare.js';
import type { Row } from '../../../report/rows.js';
import { completeTrial } from '../../support/records.js';
import type { Drawn } from './draws.js';

export const METRIC = 'decodeTokensPerSecond';

const RECORD = completeTrial();
const ROW = buildReport([RECORD], { sweepName: 'azure', objectives: [] }).rows[0]!;

/**
 * A row whose starts have these values, and no readings of neighbours beside them: Azure's machines tell
 * none.
 */
function rowOf(values: readonly number[]): Row {
  const starts = values.map((value): ResultRecord => {
    const measurement = { ...RECORD.measurements[METRIC]!, value };
    return {
      ...RECORD,
      measurements: { ...RECORD.measurements, [METRIC]: measurement } as ResultRecord['measurements'],
    };
  });
  return { ...ROW, starts, trial: starts[0]! };
}

/** What `ridge compare` says of these rows. */
export function compared(
  rows: readonly Drawn[],
  comparing: { readonly oneSitting: boolean; readonly confidence: number },
): Comparison {
  const pairs = rows.map(({ a, b }, i) => ({ label: String(i), a: rowOf(a), b: rowOf(b) }));
  return comparisonOf(pairs, [METRIC], comparing);
}
