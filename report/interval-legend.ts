import { QUALITY } from './column-sets.js';
import type { MetricColumn } from './columns.js';
import { adjustmentOf, intervalOf, type Row } from './rows.js';

const FURTHER = 'where further starts would take the number';
const UNDISTURBED =
  'of the undisturbed machine, by the starts and what was read of neighbours beside them, extrapolated where none was calm';
const PREDICTED = 'predictedTimePerOutputTokenSeconds';

/** @returns what the 95 % intervals of these columns cover, each in its own words; null where none has one. */
export function intervalLegend(
  rows: readonly Row[],
  metrics: readonly Pick<MetricColumn, 'name' | 'label'>[],
): string | null {
  const having = metrics.filter(({ name }) => rows.some((row) => intervalOf(row, name) !== null));
  const quality = having.filter(({ name }) => QUALITY.has(name)).map(({ label }) => label);
  const predicted = having.find(({ name }) => name === PREDICTED);
  const timed = having.some(({ name }) => !QUALITY.has(name) && name !== PREDICTED);
  const adjusted = having.some(({ name }) => rows.some((row) => adjustmentOf(row, name) !== null));
  const parts = [
    ...(timed ? [`${adjusted ? UNDISTURBED : FURTHER}, which more \`measure.starts\` tell better`] : []),
    ...(quality.length > 0 ? [`of ${quality.join(', ')}: what another text of the kind would say`] : []),
    ...(predicted === undefined
      ? []
      : [`of ${predicted.label}: how far predictions of this node have been off`]),
  ];
  return parts.length === 0 ? null : `± or [low, high], 95 %: ${parts.join('; ')}`;
}
