import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { MetricColumn } from '../../../../core/report/columns.js';
import type { Report } from '../../../../core/report/report.js';
import type { Row } from '../../../../core/report/rows.js';
import { fileName, save } from '../save.js';
import type { Theme } from '../theme.js';
import { type Chart, ChartView, chartPng } from './chart.js';
import { frontFor, type PlottedFront, pointsOf } from './front.js';
import { SERIES } from './palette.js';
import { paretoOption } from './pareto-option.js';
import { SizeKey } from './size-key.js';

interface ParetoProps {
  readonly report: Report;
  readonly rows: readonly Row[];
  readonly theme: Theme;
  readonly hovered: string | null;
  onHover(id: string | null): void;
  onOpen(id: string): void;
}

export function Pareto({ report, rows, theme, hovered, onHover, onOpen }: ParetoProps) {
  const [chosen, setAxes] = useState<{ x: string; y: string } | null>(null);
  const axes = useMemo(() => chosen ?? firstAxes(report), [chosen, report]);
  const [xLog, setXLog] = useState(false);
  const [yLog, setYLog] = useState(false);
  const [by, setBy] = useState<string | null>(
    () => report.axes.find((a) => a.values.length <= SERIES)?.name ?? null,
  );
  const [sizeName, setSize] = useState(() => thirdObjective(report));
  const chart = useRef<Chart | null>(null);
  const x = report.metrics.find((m) => m.name === axes.x);
  const y = report.metrics.find((m) => m.name === axes.y);
  const size = report.metrics.find((m) => m.name === sizeName) ?? null;
  const plot = useMemo(() => {
    if (x === undefined || y === undefined) return null;
    return paretoOption(report, rows, { x, y, xLog, yLog, by, size });
  }, [report, rows, x, y, xLog, yLog, by, size, theme]);
  useEffect(() => {
    const place = hovered === null ? undefined : plot?.places.get(hovered);
    if (chart.current === null || place === undefined) return;
    const point = { seriesIndex: place[0], dataIndex: place[1] };
    chart.current.dispatchAction({ type: 'highlight', ...point });
    return () => chart.current?.dispatchAction({ type: 'downplay', ...point });
  }, [hovered, plot]);
  if (x === undefined || y === undefined || plot === null) {
    return (
      <section class="plot">
        <p class="empty">There are not two metrics to plot yet.</p>
      </section>
    );
  }
  const points = pointsOf(rows, x.name, y.name);
  const front = frontFor(report, points, x, y);
  const sized = size === null ? '' : `, area by ${size.label}`;
  const listen = (made: Chart) => {
    chart.current = made;
    type Item = { data?: { row?: string } };
    made.on('mouseover', (item) => onHover((item as Item).data?.row ?? null));
    made.on('mouseout', () => onHover(null));
    made.on('click', (item) => {
      const id = (item as Item).data?.row;
      if (id !== undefined) onOpen(id);
    });
  };
  return (
    <section class="plot" aria-labelledby="pareto">
      <div class="bar">
        <h2 id="pareto">Trade-off</h2>
        <p class="quiet">{frontText(report, front, points.length)}</p>
        <span class="spring" />
        <button
          type="button"
          class="plain"
          onClick={async () => {
            if (chart.current !== null)
              save(fileName(`${report.sweepName}-trade-off`, '.png'), await chartPng(chart.current));
          }}
        >
          Save PNG
        </button>
      </div>
      <ChartView
        option={plot.option}
        label={`${y.label} against ${x.label}, ${points.length} rows${sized}`}
        height={390}
        onReady={listen}
      />
      <div class="bar axes">
        <Picker
          label="Across"
          value={x.name}
          metrics={report.metrics}
          onPick={(name) => setAxes({ ...axes, x: name })}
        />
        <Log label="log" on={xLog} onLog={setXLog} of="across" />
        <Picker
          label="Up"
          value={y.name}
          metrics={report.metrics}
          onPick={(name) => setAxes({ ...axes, y: name })}
        />
        <Log label="log" on={yLog} onLog={setYLog} of="up" />
        <label>
          <span>Area</span>
          <select value={size?.name ?? ''} onChange={(event) => setSize(event.currentTarget.value || null)}>
            <option value="">alike</option>
            {report.metrics.map((m) => (
              <option key={m.name} value={m.name}>
                {m.label}
              </option>
            ))}
          </select>
        </label>
        {size !== null && <SizeKey points={points} metric={size} />}
        <label>
          <span>Colour</span>
          <select value={by ?? ''} onChange={(event) => setBy(event.currentTarget.value || null)}>
            <option value="">one</option>
            {report.axes
              .filter((axis) => axis.values.length <= SERIES * 2)
              .map((axis) => (
                <option key={axis.name} value={axis.name}>
                  {axis.name}
                </option>
              ))}
          </select>
        </label>
      </div>
    </section>
  );
}

/** The first two objectives; what is missing is filled from the columns. Throughput reads best going up. */
function firstAxes(report: Report): { x: string; y: string } {
  const names = report.metrics
    .filter((m) => m.better !== null && (m.objective || m.shown))
    .map((m) => m.name);
  const [first = '', second = ''] = names;
  return { x: second || first, y: first };
}

/** With three objectives the plot has room for the third. */
function thirdObjective(report: Report): string | null {
  const { x, y } = firstAxes(report);
  return report.metrics.find((m) => m.objective && m.name !== x && m.name !== y)?.name ?? null;
}

function frontText(report: Report, { points, ofSweep }: PlottedFront, of: number): string {
  if (points.length === 0) return 'no front for these axes';
  const what = ofSweep ? `front of ${report.objectives.length} objectives` : 'front';
  return `${points.length} of ${of} on the ${what}`;
}

function Picker({
  label,
  value,
  metrics,
  onPick,
}: {
  label: string;
  value: string;
  metrics: readonly MetricColumn[];
  onPick(name: string): void;
}) {
  return (
    <label>
      <span>{label}</span>
      <select value={value} onChange={(event) => onPick(event.currentTarget.value)}>
        {metrics.map((m) => (
          <option key={m.name} value={m.name}>
            {m.label}
          </option>
        ))}
      </select>
    </label>
  );
}

function Log({ label, on, onLog, of }: { label: string; on: boolean; onLog(on: boolean): void; of: string }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        aria-label={`Logarithmic ${of}`}
        checked={on}
        onChange={(event) => onLog(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}
