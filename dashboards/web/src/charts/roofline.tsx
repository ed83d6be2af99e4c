import { useMemo, useRef, useState } from 'preact/hooks';
import type { Report } from '../../../../core/report/report.js';
import { rooflinePoints } from '../../../../core/report/roofline.js';
import type { Row } from '../../../../core/report/rows.js';
import { fileName, save } from '../save.js';
import type { Theme } from '../theme.js';
import { type Chart, ChartView, chartPng } from './chart.js';
import { predictedOption, rooflineOption } from './roofline-option.js';

type View = 'roofline' | 'predicted';

/** Where rows stand under the roofs of their machines; nothing where none has roofs. */
export function Roofline(props: {
  report: Report;
  rows: readonly Row[];
  theme: Theme;
  onOpen(id: string): void;
}) {
  const { report, rows, theme, onOpen } = props;
  const [view, setView] = useState<View>('roofline');
  const chart = useRef<Chart | null>(null);
  const points = useMemo(() => rooflinePoints(rows), [rows]);
  const predicted = points.some(({ phase }) => phase.predictedSeconds !== null);
  const shown = predicted ? view : 'roofline';
  const option = useMemo(
    () => (shown === 'roofline' ? rooflineOption(report, rows) : predictedOption(report, rows)),
    [report, rows, shown, theme],
  );
  if (rooflinePoints(report.rows).length === 0) return null;
  return (
    <section class="plot roofline" aria-labelledby="roofline">
      <div class="bar">
        <h2 id="roofline">{shown === 'roofline' ? 'Roofline' : 'Predicted and measured'}</h2>
        <span class="spring" />
        <button
          type="button"
          class="plain"
          onClick={async () => {
            if (chart.current !== null)
              save(fileName(`${report.sweepName}-${shown}`, '.png'), await chartPng(chart.current));
          }}
        >
          Save PNG
        </button>
      </div>
      <ChartView
        option={option}
        label={`${shown === 'roofline' ? 'Points under the roofs of their machines' : 'Predicted over measured times'}: ${points.length} phases`}
        height={340}
        onReady={(made) => {
          chart.current = made;
          made.on('click', (event) => {
            const { row } = (event.data ?? {}) as { row?: string };
            if (row !== undefined) onOpen(row);
          });
        }}
      />
      <div class="bar axes">
        <span class="quiet">circles decode, squares prefill</span>
        {predicted && (
          <label>
            <span>Show</span>
            <select value={shown} onChange={(event) => setView(event.currentTarget.value as View)}>
              <option value="roofline">roofline</option>
              <option value="predicted">predicted and measured</option>
            </select>
          </label>
        )}
      </div>
    </section>
  );
}
