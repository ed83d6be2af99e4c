import { useMemo, useState } from 'preact/hooks';
import { TECHNIQUES } from '../../../../core/techniques/index.js';
import { type Columns, linesOf } from '../../../../report/csv.js';
import type { Report } from '../../../../report/report.js';
import { predictedFrom, type RooflinePoint, rooflinePoints } from '../../../../report/roofline.js';
import type { Row } from '../../../../report/rows.js';
import { rendererFor } from './chart.js';
import { Check, Colour, Picker } from './choices.js';
import { PlotFrame } from './frame.js';
import { type PlotsProps, PlotView } from './plot.js';
import { phasesOf, predictedPlot, rooflinePlot, SYMBOLS } from './roofline-option.js';

type View = 'roofline' | 'predicted';

interface RooflineProps extends PlotsProps {
  readonly rows: readonly Row[];
}

/** Where rows stand under the roofs of their machines; nothing where none has roofs. */
export function Roofline({ report, rows, theme, ...pointing }: RooflineProps) {
  const [view, setView] = useState<View>('roofline');
  const [chosen, setBy] = useState<string | null>(null);
  const [all, setAll] = useState(false);
  const points = useMemo(() => rooflinePoints(rows), [rows]);
  const any = useMemo(() => rooflinePoints(report.rows).length > 0, [report]);
  const predicted = points.some(({ phase }) => phase.predictedSeconds !== null);
  const unfitted = points.some(({ roofline, phase }) => predictedFrom(roofline, phase) === 'roofs');
  const measured = points.some(({ row }) => row.trial.roofs !== null);
  const shown = predicted ? view : 'roofline';
  const name = chosen ?? firstColour(report);
  const by = report.axes.find((axis) => axis.name === name) ?? null;
  const plot = useMemo(
    () => (shown === 'roofline' ? rooflinePlot : predictedPlot)(rows, { by, all }),
    [rows, shown, by, all, theme],
  );
  if (!any) return null;
  return (
    <PlotFrame
      id="roofline"
      title={shown === 'roofline' ? 'Roofline' : 'Predicted and measured'}
      kind="roofline"
      file={`${report.sweepName}-${shown}`}
      data={() => linesOf(points, COLUMNS)}
    >
      <PlotView
        plot={plot}
        label={`${shown === 'roofline' ? 'Points under the roofs of their machines' : 'Predicted over measured times'}: ${points.length} phases`}
        height={340}
        renderer={rendererFor(report.rows.length)}
        {...pointing}
      />
      <div class="bar axes">
        <span class="quiet">
          {phasesOf(points)
            .map((phase) => `${SYMBOLS[phase][1]} ${phase}`)
            .join(', ')}
          {shown === 'predicted' && unfitted && '; faint: by the roofs alone'}
        </span>
        {predicted && (
          <Picker
            label="Show"
            value={shown}
            options={[
              ['roofline', 'roofline'],
              ['predicted', 'predicted and measured'],
            ]}
            onPick={(name) => setView(name as View)}
          />
        )}
        <Colour report={report} value={by?.name ?? ''} onPick={setBy} />
        {measured && shown === 'roofline' && <Check label="all roofs" on={all} onSwitch={setAll} />}
      </div>
    </PlotFrame>
  );
}

/** The technique that varies; the first axis where none does. */
function firstColour(report: Report): string {
  const names = TECHNIQUES.map(({ name }) => name as string);
  return (report.axes.find(({ name }) => names.includes(name)) ?? report.axes[0])?.name ?? '';
}

const COLUMNS: Columns<RooflinePoint> = {
  row: ({ row }) => row.number,
  experiment: ({ row }) => row.label,
  state: ({ row }) => row.state,
  phase: ({ phase }) => phase.name,
  flopsPerByte: ({ phase }) => phase.intensity,
  flopsPerSecond: ({ phase }) => phase.flopsPerSecond,
  bytesPerSecond: ({ phase }) => phase.bytesPerSecond,
  roofRatio: ({ phase }) => phase.roofRatio,
  bound: ({ phase }) => phase.boundLevel,
  mfu: ({ phase }) => phase.mfu,
  mbu: ({ phase }) => phase.mbu,
  measuredSeconds: ({ phase }) => phase.measuredSeconds,
  predictedSeconds: ({ phase }) => phase.predictedSeconds,
  predictedFrom: ({ roofline, phase }) => predictedFrom(roofline, phase),
  roofs: ({ roofline: { ceilings, threads } }) => `${ceilings.origin}: ${ceilings.name}, ${threads} threads`,
};
