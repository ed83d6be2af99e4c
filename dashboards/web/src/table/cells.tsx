import type { MetricColumn } from '../../../../report/columns.js';
import { extentText, quotedOf, reasonOf, signOf } from '../../../../report/quoted.js';
import { MARKS, markOf, type Row } from '../../../../report/rows.js';
import { scaled } from '../../../../report/scale.js';

/** What a row is at a glance: on the front, disturbed, not to be compared, or failed. */
export function Mark({ row }: { row: Row }) {
  const mark = markOf(row);
  return (
    <>
      {row.onFront && (
        <span class="star" title="On the Pareto front of the objectives">
          ★
        </span>
      )}
      {mark !== '' && (
        <span class="disturbed-sign" title={MARKS[mark]}>
          {mark}
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
  const quoted = quotedOf(row, metric.name);
  if (quoted === null) {
    return (
      <td class="number missing" title={reasonOf(row, metric.name) ?? ''}>
        {row.state === 'failed' ? '' : '–'}
      </td>
    );
  }
  const [sign, extent] = [signOf(quoted), extentText(quoted, metric.scale)];
  return (
    <td class="number" title={sign === '' ? undefined : MARKS[sign]}>
      {scaled(quoted.value, metric.scale)}
      {sign !== '' && <span class="disturbed-sign"> {sign}</span>}
      {extent !== '' && <span class="half">{extent}</span>}
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
