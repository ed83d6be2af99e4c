import { QUALITY } from './column-sets.js';
import type { MetricColumn } from './columns.js';
import { adjustmentOf, intervalOf, type Row } from './rows.js';

const FURTHER = 'of where further starts would put the number';
const UNDISTURBED =
  'of the undisturbed machine, estimated from all starts and the neighbours measured beside them (extrapolated where none was calm)';
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
    ...(timed ? [`${adjusted ? UNDISTURBED : FURTHER}, narrower with more \`measure.starts\``] : []),
    ...(quality.length > 0 ? [`for ${quality.join(', ')}, of another text of the same kind`] : []),
    ...(predicted === undefined
      ? []
      : [`for ${predicted.label}, of how far predictions on this node have been off`]),
  ];
  return parts.length === 0 ? null : `± and [low, high] are 95 % intervals ${parts.join('; ')}`;
}
