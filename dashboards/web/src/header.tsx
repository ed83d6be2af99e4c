import type { ComponentChildren } from 'preact';
import { minuteOf } from '../../../core/minute.js';
import { axisTexts } from '../../../report/columns.js';
import { gradesText } from '../../../report/grades-text.js';
import { comparableOf, quotedOf, spreadText } from '../../../report/quoted.js';
import type { Report } from '../../../report/report.js';
import type { Row } from '../../../report/rows.js';
import { halfOf, metricScale, scaled } from '../../../report/scale.js';

interface HeaderProps {
  readonly report: Report;
  /** The line above the title. */
  readonly top: ComponentChildren;
  onOpen(id: string): void;
}

export function Header({ report, top, onOpen }: HeaderProps) {
  const { counts, place } = report;
  return (
    <header class="top">
      {top}
      <h1 tabIndex={-1}>{report.sweepName}</h1>
      <p class="counts">
        {counts.experiments} {counts.experiments === 1 ? 'row' : 'rows'}
        {gradesText(counts)}
        <span class="quiet"> from {counts.trials} trials</span>
      </p>
      {report.headlines.map((line) => (
        <p key={line} class="headline">
          {line}
        </p>
      ))}
      <div class="facts">
        <dl>
          <Fact name={place.nodes.length === 1 ? 'Node' : 'Nodes'} value={place.nodes.join(', ')} />
          <Fact name="Device" value={place.devices.join(', ')} />
          <Fact name="Engine" value={place.engines.join(', ')} />
          <Fact name="Measured" value={span(report)} />
        </dl>
        <dl class="best">
          {report.objectives.map((objective) => (
            <Best
              key={objective.metric}
              report={report}
              metric={objective.metric}
              better={objective.better}
              onOpen={onOpen}
            />
          ))}
        </dl>
      </div>
      {report.constants.length > 0 && (
        <details class="constants">
          <summary>The same for all: {report.constants.length} settings</summary>
          <ul>
            {report.constants.map(({ name, value }) => (
              <li key={name}>
                <span class="quiet">{name}</span>{' '}
                <code title={String(value ?? '')}>{axisTexts(name, [value])[0]}</code>
              </li>
            ))}
          </ul>
        </details>
      )}
    </header>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  if (value === '') return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

interface BestProps {
  readonly report: Report;
  readonly metric: string;
  readonly better: 'max' | 'min';
  onOpen(id: string): void;
}

function Best({ report, metric, better, onOpen }: BestProps) {
  const column = report.metrics.find((m) => m.name === metric);
  const best = bestRow(report, metric, better);
  const quoted = best === null ? null : quotedOf(best, metric);
  if (column === undefined || best === null || quoted === null) return null;
  const { value, interval } = quoted;
  // One number alone may have the prefix that suits it best: 517 MB, where the column says 0.517 GB.
  const scale = metricScale(metric, [value], interval === null ? [] : [halfOf(interval)]);
  const number = scaled(value, scale);
  return (
    <div>
      <dt>
        {superlative(better, column.baseUnit)} {column.label}
      </dt>
      <dd>
        <button type="button" class="figure" onClick={() => onOpen(best.experimentId)}>
          <b>{number}</b>
          <span class="quiet"> {spreadText(quoted, scale)}</span> {scale.unit}
          <span class="label">{best.label || `row ${best.number}`}</span>
        </button>
      </dd>
    </div>
  );
}

function superlative(better: 'max' | 'min', unit: string): string {
  if (better === 'max') return unit === 'tokens/s' ? 'Fastest' : 'Highest';
  return { B: 'Smallest', s: 'Shortest' }[unit] ?? 'Lowest';
}

function bestRow(report: Report, metric: string, better: 'max' | 'min'): Row | null {
  let best: Row | null = null;
  let record = better === 'max' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  for (const row of report.rows) {
    const value = row.state === 'valid' ? comparableOf(row, metric) : null;
    if (value === null || (better === 'max' ? value <= record : value >= record)) continue;
    best = row;
    record = value;
  }
  return best;
}

function span(report: Report): string {
  if (report.startedAt === null || report.endedAt === null) return '';
  const [from, to] = [minuteOf(report.startedAt), minuteOf(report.endedAt)];
  return `${from} to ${from.slice(0, 10) === to.slice(0, 10) ? to.slice(11) : to} UTC`;
}
