import { useMemo } from 'preact/hooks';
import type { MetricColumn } from '../../../../report/columns.js';
import { importanceOf } from '../../../../report/importance.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';

interface ImportanceProps {
  readonly report: Report;
  /** Filtered. */
  readonly rows: readonly Row[];
  readonly metric: MetricColumn;
}

const HELP =
  'Main effects: R² that the axis adds to additive models of the logarithm, averaged over all orders of the axes (LMG). ' +
  'The mark is what an axis without any effect would explain by chance. Pairs: what their interaction adds to R², as in functional ANOVA ' +
  '(Hutter, Hoos and Leyton-Brown, ICML 2014).';

/** How much of a metric's variance each axis explains. */
export function ImportanceBars({ report, rows, metric }: ImportanceProps) {
  const found = useMemo(() => importanceOf(report.axes, rows, metric.name), [report.axes, rows, metric.name]);
  const { axes, together, pairs } = found;
  if (axes === null || together === null) {
    return (
      <p class="quiet importance-note">
        What matters for {metric.label}: not enough rows with a number ({found.rows}) for the values of the
        axes, or nothing varies.
      </p>
    );
  }
  return (
    <div class="importance">
      <p title={HELP}>
        Variance of {metric.label} over {found.rows} valid rows that each axis explains by itself
      </p>
      <ul aria-label={`Share of the variance of ${metric.label} by axis`}>
        {axes.map(({ axis, share, chance }) => (
          <li key={axis}>
            <span class="name">{axis}</span>
            <span
              class="track"
              role="img"
              aria-label={share > chance ? 'more than chance' : 'no more than chance'}
            >
              <i class={share > chance ? '' : 'chance'} style={{ width: `${100 * share}%` }} />
              <b style={{ left: `${Math.min(100, 100 * chance)}%` }} />
            </span>
            <span class="number">{percent(share)}</span>
          </li>
        ))}
      </ul>
      <p class="quiet">
        Together {percent(together)}; the rest is what axes do together
        {pairs.map(({ axes: [one, other], share }, i) => (
          <>
            {i === 0 ? ' (' : ', '}
            {one} × {other} {percent(share)}
            {i === pairs.length - 1 ? ')' : ''}
          </>
        ))}
        , and noise. The mark is what an axis without any effect would have by chance.
      </p>
    </div>
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
