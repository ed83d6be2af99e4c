import { useMemo, useState } from 'preact/hooks';
import { type AxisColumn, axisText, type MetricColumn } from '../../../../report/columns.js';
import { PICKS, type Pick, type Pivot as PivotData, pivotOf } from '../../../../report/pivot.js';
import type { Report } from '../../../../report/report.js';
import type { Row } from '../../../../report/rows.js';
import { scaled } from '../../../../report/scale.js';
import { metricOptions, Picker } from '../charts/choices.js';
import { type PlotData, PlotFrame } from '../charts/frame.js';

/** Axes with more values than this make no table that anybody reads. */
const MOST_VALUES = 60;

interface PivotProps {
  readonly report: Report;
  /** Filtered. */
  readonly rows: readonly Row[];
  /** Narrows the table of results to one cell: axis name → value as it is written. */
  onCell(axes: Readonly<Record<string, string>>): void;
}

/** Rows by two axes, one number a cell; nothing unless an axis varies. */
export function Pivot({ report, rows, onCell }: PivotProps) {
  const axes = report.axes.filter((axis) => axis.values.length <= MOST_VALUES);
  const [names, setNames] = useState<{ down?: string; across?: string; metric?: string }>({});
  const [pick, setPick] = useState<Pick>('best');
  const down = axes.find((axis) => axis.name === names.down) ?? axes[0];
  const others = axes.filter((axis) => axis !== down);
  const across =
    names.across === '' ? null : (others.find((a) => a.name === names.across) ?? others[0] ?? null);
  const metric = report.metrics.find((m) => m.name === names.metric) ?? report.metrics[0];
  const pivot = useMemo(
    () => (down === undefined || metric === undefined ? null : pivotOf(rows, down, across, metric, pick)),
    [rows, down, across, metric, pick],
  );
  if (down === undefined || metric === undefined || pivot === null) return null;
  const named = (list: readonly AxisColumn[]) => list.map(({ name }): [string, string] => [name, name]);
  return (
    <PlotFrame
      id="pivot"
      title="Pivot"
      kind="pivot"
      note={`${pick} ${pick === 'count' ? 'of valid rows' : metric.label}`}
      file={`${report.sweepName}-pivot`}
      drawn="numbers"
      data={() => dataOf(pivot, metric, pick)}
    >
      <Cells pivot={pivot} metric={metric} pick={pick} onCell={onCell} />
      <div class="bar axes">
        <Picker
          label="Down"
          value={down.name}
          options={named(axes)}
          onPick={(name) => setNames({ ...names, down: name })}
        />
        <Picker
          label="Across"
          value={across?.name ?? ''}
          options={[['', 'nothing'], ...named(others)]}
          onPick={(name) => setNames({ ...names, across: name })}
        />
        <Picker
          label="Number"
          value={metric.name}
          options={metricOptions(report.metrics)}
          onPick={(name) => setNames({ ...names, metric: name })}
        />
        <Picker
          label="Of each cell"
          value={pick}
          options={PICKS.map((name) => [name, name] as const)}
          onPick={(name) => setPick(name as Pick)}
        />
      </div>
    </PlotFrame>
  );
}

interface CellsProps {
  readonly pivot: PivotData;
  readonly metric: MetricColumn;
  readonly pick: Pick;
  readonly onCell: PivotProps['onCell'];
}

function Cells({ pivot, metric, pick, onCell }: CellsProps) {
  const { down, across, cells } = pivot;
  const values = cells.flat().flatMap(({ value }) => value ?? []);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const upside = pick === 'count' || metric.better !== 'min';
  /** Percent of the accent: the better, the stronger. */
  const heat = (value: number) => {
    if (!(high > low)) return 0;
    const share = (value - low) / (high - low);
    return Math.round(42 * (upside ? share : 1 - share));
  };
  const text = (value: number) => (pick === 'count' ? String(value) : scaled(value, metric.scale));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <section class="sideways" tabIndex={0} aria-label="Pivot table">
      <table class="figures cells">
        <thead>
          <tr>
            <th scope="col">
              {down.name}
              {across !== null && <span class="quiet"> \ {across.name}</span>}
            </th>
            {(across?.texts ?? [metric.label]).map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cells.map((line, i) => (
            <tr key={down.texts[i]}>
              <th scope="row">{down.texts[i]}</th>
              {line.map(({ value, count, row }, k) => {
                if (value === null)
                  return (
                    <td key={k} class="number missing">
                      –
                    </td>
                  );
                const chosen = {
                  [down.name]: axisText(down.values[i]),
                  ...(across !== null && { [across.name]: axisText(across.values[k]) }),
                };
                const where = `${count} valid ${count === 1 ? 'row' : 'rows'}${row === null ? '' : `, #${row.number}`}`;
                return (
                  <td
                    key={k}
                    class="number"
                    style={{ background: `color-mix(in srgb, var(--accent) ${heat(value)}%, var(--paper))` }}
                  >
                    <button type="button" title={where} onClick={() => onCell(chosen)}>
                      {text(value)}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      {pick !== 'count' && metric.scale.unit !== '' && <p class="quiet">{metric.scale.unit}</p>}
    </section>
  );
}

function dataOf({ down, across, cells }: PivotData, metric: MetricColumn, pick: Pick): PlotData {
  const head = [down.name, across?.name ?? 'all', `${pick} ${metric.name}`, 'validRows', 'row'];
  return {
    head,
    lines: cells.flatMap((line, i) =>
      line.map(({ value, count, row }, k) => [
        axisText(down.values[i]),
        across === null ? '' : axisText(across.values[k]),
        value,
        count,
        row?.number ?? null,
      ]),
    ),
  };
}
