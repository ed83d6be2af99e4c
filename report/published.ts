import { z } from 'zod';
import { quotedMetrics } from './quoted.js';
import type { Report } from './report.js';

/** A number as it was published: one metric of one row. */
export const figureSchema = z.object({
  row: z.number(),
  experimentId: z.string(),
  label: z.string(),
  metric: z.string(),
  unit: z.string(),
  value: z.number(),
  ci95: z.tuple([z.number(), z.number()]).nullable(),
});
export type PublishedFigure = Readonly<z.infer<typeof figureSchema>>;

/** Of numbers that another processor computes again, the last digits are its own. */
const TOLERANCE = 1e-9;

/** @returns every number that a report quotes, row by row. */
export function publishedOf({ rows }: Pick<Report, 'rows'>): PublishedFigure[] {
  return rows.flatMap(({ number: row, experimentId, label, trial }) =>
    quotedMetrics({ trial }).map(([metric, { value, unit, interval }]) => {
      const ci95: PublishedFigure['ci95'] = interval === null ? null : [...interval];
      return { row, experimentId, label, metric, unit, value, ci95 };
    }),
  );
}

/**
 * Compares published numbers with those that were computed again.
 * @returns each difference, one sentence each; none where all numbers came out again.
 */
export function differences(
  published: readonly PublishedFigure[],
  again: readonly PublishedFigure[],
): string[] {
  const key = ({ experimentId, metric }: PublishedFigure) => `${experimentId} ${metric}`;
  const computed = new Map(again.map((figure) => [key(figure), figure]));
  const known = new Set(published.map(key));
  const name = ({ row, label, metric }: PublishedFigure) =>
    `row ${row} ${label} ${metric}`.replace(/ +/g, ' ');
  return [
    ...published.flatMap((figure) => {
      const found = computed.get(key(figure));
      if (found === undefined)
        return [`${name(figure)}: ${figure.value} was published, and nothing comes out`];
      const ends = [figure.ci95, found.ci95] as const;
      if (!isNear(figure.value, found.value))
        return [`${name(figure)}: ${figure.value} was published, ${found.value} comes out`];
      const same =
        ends[0] === null || ends[1] === null
          ? ends[0] === ends[1]
          : ends[0].every((end, i) => isNear(end, ends[1]![i]!));
      return same
        ? []
        : [
            `${name(figure)}: the interval ${JSON.stringify(ends[0])} was published, ${JSON.stringify(ends[1])} comes out`,
          ];
    }),
    ...again
      .filter((figure) => !known.has(key(figure)))
      .map((figure) => `${name(figure)}: ${figure.value} comes out, and was not published`),
  ];
}

/** Equal but for what the last digits of another processor make of it. */
export function isNear(a: number, b: number): boolean {
  return a === b || Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
}
