import { useMemo, useState } from 'preact/hooks';
import type { Row } from '../../../../report/rows.js';
import { rendererFor } from './chart.js';
import { Check, metricOptions, Picker } from './choices.js';
import { PlotFrame } from './frame.js';
import { devicesOf, loadLines, loadPlot } from './load-option.js';
import { type PlotsProps, PlotView } from './plot.js';

/** The last is the plane of MLPerf Endpoints: what one user gets, and what the system gives. */
const ACROSS = [
  'scheduledTimeToFirstTokenP90Seconds',
  'requestTimePerOutputTokenP90Seconds',
  'scheduledLatencyP90Seconds',
  'userTokensPerSecond',
];
const UP = ['systemTokensPerSecond', 'requestsPerSecond', 'goodputRequestsPerSecond'];

interface LoadProps extends PlotsProps {
  readonly rows: readonly Row[];
}

/** What servers give as more is asked of them; nothing where no server was asked. */
export function Load({ report, rows, theme, ...pointing }: LoadProps) {
  const [acrossName, setAcross] = useState(ACROSS[0]!);
  const [upName, setUp] = useState(UP[0]!);
  const [perDevice, setPerDevice] = useState(false);
  const known = (names: readonly string[]) =>
    names.flatMap((name) => report.metrics.find((metric) => metric.name === name) ?? []);
  const [across, up] = [known(ACROSS), known(UP)];
  const x = across.find(({ name }) => name === acrossName) ?? across[0];
  const y = up.find(({ name }) => name === upName) ?? up[0];
  const lines = useMemo(
    () => (x === undefined || y === undefined ? [] : loadLines(report, rows, { x, y, perDevice })),
    [report, rows, x, y, perDevice],
  );
  const plot = useMemo(
    () => (x === undefined || y === undefined ? null : loadPlot(lines, { x, y, perDevice })),
    [lines, x, y, perDevice, theme],
  );
  if (x === undefined || y === undefined || plot === null) return null;
  return (
    <PlotFrame
      id="load"
      title="Under load"
      note="a line for each server, its points in the order of concurrency or rate"
      file={`${report.sweepName}-load`}
      data={() => ({
        head: ['server', 'row', 'state', 'load', x.name, `${y.name}${perDevice ? 'PerDevice' : ''}`],
        lines: lines.flatMap(({ name, points }) =>
          points.map((point) => [name, point.row.number, point.row.state, point.load, point.x, point.y]),
        ),
      })}
    >
      <PlotView
        plot={plot}
        label={`${y.label} against ${x.label}, ${lines.length} ${lines.length === 1 ? 'line' : 'lines'}`}
        height={360}
        renderer={rendererFor(report.rows.length)}
        {...pointing}
      />
      <div class="bar axes">
        <Picker label="Against" value={x.name} options={metricOptions(across)} onPick={setAcross} />
        <Picker label="Throughput" value={y.name} options={metricOptions(up)} onPick={setUp} />
        {rows.some((row) => devicesOf(row) > 1) && (
          <Check label="per device" on={perDevice} onSwitch={setPerDevice} />
        )}
      </div>
    </PlotFrame>
  );
}
