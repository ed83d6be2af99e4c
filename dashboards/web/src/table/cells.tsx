import type { MetricColumn } from '../../../../report/columns.js';
import { intervalOf, isMarked, metricOf, type Row, reasonOf } from '../../../../report/rows.js';
import { intervalText, scaled } from '../../../../report/scale.js';

/** What a row is at a glance: on the front, disturbed, not to be compared, or failed. */
export function Mark({ row }: { row: Row }) {
  return (
    <>
      {row.onFront && (
        <span class="star" title="On the Pareto front of the objectives">
          ★
        </span>
      )}
      {isMarked(row) && (
        <span
          class="disturbed-sign"
          title="Disturbed: something else used the machine during the row. It counts."
        >
          ~
        </span>
      )}
      {row.state !== 'valid' && (
        <span class="code failed" title={row.state}>
          {row.state === 'failed' ? '×' : '!'}{' '}
        </span>
      )}
    </>
  );
}

/** A number with its interval; without one, the reason as a hint. */
export function MetricCell({ row, metric }: { row: Row; metric: MetricColumn }) {
  const value = metricOf(row, metric.name);
  if (value === null) {
    return (
      <td class="number missing" title={reasonOf(row, metric.name) ?? ''}>
        {row.state === 'failed' ? '' : '–'}
      </td>
    );
  }
  const interval = intervalOf(row, metric.name);
  return (
    <td class="number">
      {scaled(value, metric.scale)}
      {interval !== null && <span class="half">{intervalText(value, interval, metric.scale)}</span>}
    </td>
  );
}

export function Codes({ row }: { row: Row }) {
  return (
    <>
      {row.warnings.map((w) => (
        <span key={w.code} class={`code ${w.severity}`} title={w.message}>
          {w.code}
        </span>
      ))}
    </>
  );
}

export function Failed({ row }: { row: Row }) {
  const failure = row.trial.failure;
  return (
    <span class="reason" title={failure?.message}>
      <span class="code failed">{failure?.code ?? 'failed'}</span> {failure?.message}
    </span>
  );
}
