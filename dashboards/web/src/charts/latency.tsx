import { useMemo, useState } from 'preact/hooks';
import { useSame } from '../same.js';
import { useTimes } from '../timed.js';
import { ChartView } from './chart.js';
import { Check, Picker } from './choices.js';
import { PlotFrame } from './frame.js';
import { boxOption, ecdfPlot, latencyData } from './latency-option.js';
import { type PlotsProps, PlotView } from './plot.js';

type Shape = 'curve' | 'box';

interface LatencyProps extends PlotsProps {
  readonly selected: readonly string[];
}

/** How long each token took, of the rows that were ticked. */
export function Latency({ report, selected, theme, ...pointing }: LatencyProps) {
  const [shape, setShape] = useState<Shape>('curve');
  const [log, setLog] = useState(false);
  const found = useMemo(() => {
    const wanted = new Set(selected);
    const byId = new Map(
      report.rows.filter((row) => wanted.has(row.experimentId)).map((row) => [row.experimentId, row]),
    );
    return selected.flatMap((id) => byId.get(id) ?? []);
  }, [report, selected]);
  const rows = useTimes(useSame(found));
  const plot = useMemo(() => ecdfPlot(rows, log), [rows, log, theme]);
  const box = useMemo(() => (shape === 'box' ? boxOption(rows, log) : null), [rows, shape, log, theme]);
  const label = `Distribution of the time between tokens of ${rows.length} rows`;
  return (
    <PlotFrame
      id="latency"
      title="Time between tokens"
      file={`${report.sweepName}-latency`}
      data={() => latencyData(rows)}
    >
      {box === null ? (
        <PlotView plot={plot} label={label} height={300} renderer="svg" {...pointing} />
      ) : (
        <ChartView option={box} label={label} height={300} />
      )}
      {rows.length === 0 ? (
        <p class="empty">Tick rows in the table to compare them here.</p>
      ) : (
        <ul class="key">
          {rows.map((row, i) => (
            <li key={row.experimentId}>
              <i style={{ background: `var(--c${i})` }} />
              <span class="quiet">#{row.number}</span> {row.label}
            </li>
          ))}
        </ul>
      )}
      <div class="bar axes">
        <Picker
          label="Shape"
          value={shape}
          options={[
            ['curve', 'cumulative'],
            ['box', 'box'],
          ]}
          onPick={(name) => setShape(name as Shape)}
        />
        <Check label="log" on={log} onSwitch={setLog} />
      </div>
    </PlotFrame>
  );
}
