import { useMemo, useState } from 'preact/hooks';
import type { MetricColumn } from '../../../../report/columns.js';
import { calmOf, quotedValue } from '../../../../report/quoted.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';
import { metricText } from '../../../../report/scale.js';
import { rendererFor } from './chart.js';
import { Check, Colour, metricOptions, Picker } from './choices.js';
import { type PlotData, PlotFrame } from './frame.js';
import { frontFor, type PlottedFront, type Point, pointsOf, whyNoFront } from './front.js';
import { SERIES } from './palette.js';
import { paretoPlot } from './pareto-option.js';
import { type PlotsProps, PlotView } from './plot.js';
import { pixelsOf, SIZES } from './size.js';

interface ParetoProps extends PlotsProps {
  readonly rows: readonly Row[];
}

export function Pareto({ report, rows, theme, ...pointing }: ParetoProps) {
  const [chosen, setAxes] = useState<{ x: string; y: string } | null>(null);
  const axes = useMemo(() => chosen ?? firstAxes(report), [chosen, report]);
  const [xLog, setXLog] = useState(false);
  const [yLog, setYLog] = useState(false);
  // What the reader has not chosen follows the report: the first rows of a sweep show neither axes nor
  // objectives.
  const [chosenBy, setBy] = useState<string | null | undefined>(undefined);
  const [chosenSize, setSize] = useState<string | null | undefined>(undefined);
  // The first axis whose values have a colour each.
  const usual = report.axes.find((axis) => axis.values.length <= SERIES)?.name ?? null;
  const by = chosenBy === undefined ? usual : chosenBy;
  const sizeName = chosenSize === undefined ? thirdObjective(report) : chosenSize;
  const [x, y, size = null] = [axes.x, axes.y, sizeName].map((name) =>
    report.metrics.find((m) => m.name === name),
  );
  const plot = useMemo(
    () => (x && y ? paretoPlot(report, rows, { x, y, xLog, yLog, by, size }) : null),
    [report, rows, x, y, xLog, yLog, by, size, theme],
  );
  const points = useMemo(() => (x && y ? pointsOf(rows, x.name, y.name) : []), [rows, x, y]);
  const front = useMemo(() => (x && y ? frontFor(report, points, x, y) : null), [report, points, x, y]);
  if (x === undefined || y === undefined || plot === null || front === null) {
    return (
      <section class="plot">
        <p class="empty">There are not two metrics to plot yet.</p>
      </section>
    );
  }
  const options = metricOptions(report.metrics);
  const axisPicker = (label: string, axis: 'x' | 'y') => (
    <Picker
      label={label}
      value={axes[axis]}
      options={options}
      onPick={(name) => setAxes({ ...axes, [axis]: name })}
    />
  );
  const sized = size === null ? '' : `, area by ${size.label}`;
  return (
    <PlotFrame
      id="pareto"
      title="Trade-off"
      note={frontText(report, front, points, [x, y])}
      file={`${report.sweepName}-trade-off`}
      data={() => dataOf(points, front, [x, y, ...(size === null ? [] : [size])])}
    >
      <PlotView
        plot={plot}
        label={`${y.label} against ${x.label}, ${points.length} rows${sized}`}
        height={390}
        renderer={rendererFor(report.rows.length)}
        {...pointing}
      />
      <div class="bar axes">
        {axisPicker('Across', 'x')}
        <Check label="log" title="Logarithmic across" on={xLog} onSwitch={setXLog} />
        {axisPicker('Up', 'y')}
        <Check label="log" title="Logarithmic up" on={yLog} onSwitch={setYLog} />
        <Picker
          label="Area"
          value={size?.name ?? ''}
          options={[['', 'alike'], ...options]}
          onPick={(name) => setSize(name || null)}
        />
        {size !== null && <SizeKey points={points} metric={size} />}
        <Colour report={report} value={by ?? ''} onPick={(name) => setBy(name || null)} />
      </div>
    </PlotFrame>
  );
}

/** What is plotted, and what is marked as the front. */
function dataOf(points: readonly Point[], front: PlottedFront, metrics: readonly MetricColumn[]): PlotData {
  const marked = new Set(front.points.map(({ row }) => row));
  const distinct = [...new Set(metrics)];
  return {
    head: ['row', 'experiment', 'state', 'front', ...distinct.map(({ name }) => name)],
    lines: points.map(({ row }) => [
      row.number,
      row.label,
      row.state,
      marked.has(row),
      ...distinct.map(({ name }) => quotedValue(row, name)),
    ]),
  };
}

/** The first two objectives; what is missing is filled from the columns. Throughput reads best going up. */
function firstAxes(report: Report): { x: string; y: string } {
  const names = report.metrics
    // A calm machine's number lies beside that of the run, and is no trade-off.
    .filter((m) => m.better !== null && (m.objective || m.shown) && calmOf(m.name) === null)
    .map((m) => m.name);
  const [first = '', second = ''] = names;
  return { x: second || first, y: first };
}

/** With three objectives the plot has room for the third. */
function thirdObjective(report: Report): string | null {
  const { x, y } = firstAxes(report);
  return report.metrics.find((m) => m.objective && m.name !== x && m.name !== y)?.name ?? null;
}

function frontText(
  report: Report,
  { points: marked, ofSweep }: PlottedFront,
  points: readonly Point[],
  axes: readonly MetricColumn[],
): string {
  if (marked.length === 0) return whyNoFront(points, axes);
  const what = ofSweep ? `front of ${report.objectives.length} objectives` : 'front';
  return `${marked.length} of ${points.length} on the ${what}`;
}

/** What the smallest and the largest point of a plot stand for. */
function SizeKey({ points, metric }: { points: readonly Point[]; metric: MetricColumn }) {
  const values = points.map(({ row }) => quotedValue(row, metric.name)).filter((v) => v !== null);
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
