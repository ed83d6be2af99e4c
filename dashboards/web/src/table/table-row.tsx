import { axisText, type MetricColumn } from '../../../../core/report/columns.js';
import { halfWidthOf, metricOf, type Row, reasonOf } from '../../../../core/report/rows.js';
import { scaled } from '../../../../core/report/scale.js';
import type { ResultsProps } from './results.js';

interface RowProps extends ResultsProps {
  readonly row: Row;
  readonly index: number;
  readonly focused: boolean;
  readonly metrics: readonly MetricColumn[];
  /** Place among the compared rows, which is its colour; -1 = not compared. */
  readonly swatch: number;
  onFocus(index: number): void;
}

/** One experiment in the table: compare box, place, axes, numbers, doubts. */
export function TableRow({
  row,
  index,
  focused,
  metrics,
  swatch,
  report,
  hovered,
  opened,
  onHover,
  onOpen,
  onToggle,
  onFocus,
}: RowProps) {
  const id = row.experimentId;
  const classes = [row.state, hovered === id ? 'hovered' : '', opened === id ? 'opened' : ''].join(' ');
  return (
    <tr
      class={classes}
      aria-rowindex={index + 2}
      data-index={index}
      data-row={row.number}
      tabIndex={focused ? 0 : -1}
      onFocus={() => onFocus(index)}
      onClick={(event) => {
        if (!(event.target as Element).closest('.pick')) onOpen(id);
      }}
      onMouseEnter={() => onHover(id)}
      onMouseLeave={() => onHover(null)}
    >
      <td class="pick">
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Compare row ${row.number}`}
          disabled={row.trial.tokenSeconds.length === 0}
          checked={swatch >= 0}
          style={swatch >= 0 ? { accentColor: `var(--c${swatch})` } : {}}
          onChange={() => onToggle(id)}
        />
      </td>
      <td class="number place">
        <Mark row={row} />
        {row.number}
      </td>
      {report.axes.map((axis) => (
        <td key={axis.name} class={axis.numeric ? 'number' : 'axis'}>
          {axisText(row.axes[axis.name])}
        </td>
      ))}
      {metrics.map((m) => (
        <MetricCell key={m.name} row={row} metric={m} />
      ))}
      <td class="doubts">{row.state === 'failed' ? <Failed row={row} /> : <Codes row={row} />}</td>
    </tr>
  );
}

function Mark({ row }: { row: Row }) {
  if (row.onFront) {
    return (
      <span class="star" title="On the Pareto front of the objectives">
        ★
      </span>
    );
  }
  if (row.state === 'valid') return null;
  return (
    <span class="code failed" title={row.state}>
      {row.state === 'failed' ? '×' : '!'}{' '}
    </span>
  );
}

function MetricCell({ row, metric }: { row: Row; metric: MetricColumn }) {
  const value = metricOf(row, metric.name);
  if (value === null) {
    return (
      <td class="number missing" title={reasonOf(row, metric.name) ?? ''}>
        {row.state === 'failed' ? '' : '–'}
      </td>
    );
  }
  const half = halfWidthOf(row, metric.name);
  return (
    <td class="number">
      {scaled(value, metric.scale)}
      {half !== null && <span class="half">±{scaled(half, metric.scale)}</span>}
    </td>
  );
}

function Codes({ row }: { row: Row }) {
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

function Failed({ row }: { row: Row }) {
  const failure = row.trial.failure;
  return (
    <span class="reason" title={failure?.message}>
      <span class="code failed">{failure?.code ?? 'failed'}</span> {failure?.message}
    </span>
  );
}
