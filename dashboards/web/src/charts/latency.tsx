import { useMemo, useRef, useState } from 'preact/hooks';
import type { Report } from '../../../../core/report/report.js';
import { fileName, save } from '../save.js';
import type { Theme } from '../theme.js';
import { type Chart, ChartView, chartPng } from './chart.js';
import { boxOption, ecdfOption } from './latency-option.js';

type Shape = 'curve' | 'box';

export function Latency({
  report,
  selected,
  theme,
}: {
  report: Report;
  selected: readonly string[];
  theme: Theme;
}) {
  const [shape, setShape] = useState<Shape>('curve');
  const [log, setLog] = useState(false);
  const chart = useRef<Chart | null>(null);
  const rows = useMemo(() => {
    const byId = new Map(report.rows.map((row) => [row.experimentId, row]));
    return selected.flatMap((id) => byId.get(id) ?? []);
  }, [report, selected]);
  const option = useMemo(
    () => (shape === 'curve' ? ecdfOption(rows, log) : boxOption(rows, log)),
    [rows, shape, log, theme],
  );
  return (
    <section class="plot" aria-labelledby="latency">
      <div class="bar">
        <h2 id="latency">Time between tokens</h2>
        <span class="spring" />
        <button
          type="button"
          class="plain"
          onClick={async () => {
            if (chart.current !== null)
              save(fileName(`${report.sweepName}-latency`, '.png'), await chartPng(chart.current));
          }}
        >
          Save PNG
        </button>
      </div>
      <ChartView
        option={option}
        label={`Distribution of the time between tokens of ${rows.length} rows`}
        height={300}
        onReady={(made) => {
          chart.current = made;
        }}
      />
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
        <label>
          <span>Shape</span>
          <select value={shape} onChange={(event) => setShape(event.currentTarget.value as Shape)}>
            <option value="curve">cumulative</option>
            <option value="box">box</option>
          </select>
        </label>
        <label class="check">
          <input type="checkbox" checked={log} onChange={(event) => setLog(event.currentTarget.checked)} />
          log
        </label>
      </div>
    </section>
  );
}
