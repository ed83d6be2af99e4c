import { QUALITY } from './column-sets.js';
import type { MetricColumn } from './columns.js';
import { anotherRunText, type SharedLevel } from './levels.js';
import { predictionSource } from './prediction-source.js';
import { calmOf, quotedOf } from './quoted.js';
import type { Row } from './rows.js';

const FURTHER = 'of where further starts would put the number, narrower with more `measure.starts`';
const PREDICTED = 'predictedTimePerOutputTokenSeconds';

/**
 * @param levels of the report
 * @returns what the 95 % intervals of these columns cover, each in its own words; null where none has one.
 */
export function intervalLegend(
  rows: readonly Row[],
  metrics: readonly Pick<MetricColumn, 'name' | 'label'>[],
  levels: readonly SharedLevel[] = [],
): string | null {
  const having = metrics.filter(({ name }) =>
    rows.some((row) => (quotedOf(row, name)?.interval ?? null) !== null),
  );
  const quality = having.filter(({ name }) => QUALITY.has(name)).map(({ label }) => label);
  const predicted = having.find(({ name }) => name === PREDICTED);
  const timed = having.filter(({ name }) => !QUALITY.has(name) && name !== PREDICTED);
  const adjusted = timed.some(({ name }) => rows.some((row) => (quotedOf(row, name)?.calm ?? null) !== null));
  const calm = timed.some(({ name }) => calmOf(name) !== null);
  const apart = anotherRunText(levels);
  const parts = [
    ...(timed.length === 0
      ? []
      : [
          adjusted
            ? `of what another run here would say${apart === '' ? '' : ` (all rows together may move: ${apart})`}`
            : FURTHER,
        ]),
    ...(calm ? ['for calm columns, of a machine without neighbours, extrapolated if no start was calm'] : []),
    ...(quality.length > 0 ? [`for ${quality.join(', ')}, of another text of the same kind`] : []),
    ...(predicted === undefined
      ? []
      : [`for ${predicted.label}, of how far such predictions have been off${tablesText(rows)}`]),
  ];
  if (parts.length === 0) return null;
  const same = adjusted ? '; rows are adjusted to the same neighbours' : '';
  return `± and [low, high] are 95 % intervals ${parts.join('; ')}${same}`;
}

/** Tables that rows are predicted by; nothing where their own factors or roofs predict. */
function tablesText(rows: readonly Row[]): string {
  const sources = new Set(
    rows.flatMap(({ trial }) => predictionSource(trial)?.split(', extrapolated')[0] ?? []),
  );
  const tables = [...sources].filter((source) => source.startsWith('tables'));
  return tables.length === 0 ? '' : ` (nobody measured it: it follows from ${tables.join(' and ')})`;
}
