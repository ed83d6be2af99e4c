import type { MetricColumn } from '../../../../report/columns.js';
import { metricOf } from '../../../../report/rows.js';
import { metricText } from '../../../../report/scale.js';
import type { Point } from './front.js';
import { pixelsOf, SIZES } from './size.js';

/** What the smallest and the largest point of a plot stand for. */
export function SizeKey({ points, metric }: { points: readonly Point[]; metric: MetricColumn }) {
  const values = points.map(({ row }) => metricOf(row, metric.name)).filter((v) => v !== null);
  if (values.length === 0) return null;
  const largest = Math.max(...values);
  const ends = [...new Set([Math.min(...values), largest])];
  return (
    <span class="sizes">
      {ends.map((value) => (
        <span key={value} class="size-end">
          <svg width={SIZES.most} height={SIZES.most} aria-hidden="true">
            <circle cx={SIZES.most / 2} cy={SIZES.most / 2} r={pixelsOf(value, largest) / 2 - 0.5} />
          </svg>
          {metricText(metric.name, value)}
        </span>
      ))}
    </span>
  );
}
