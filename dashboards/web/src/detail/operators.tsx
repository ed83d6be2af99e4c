import { useMemo } from 'preact/hooks';
import type { ProfiledOperator, ProfiledPhase } from '../../../../core/result/profile-record.js';
import type { ResultRecord } from '../../../../core/result/result.js';
import { quantity, tick } from '../../../../report/scale.js';
import { ChartView, type Option } from '../charts/chart.js';
import { type PlotData, PlotFrame } from '../charts/frame.js';
import {
  axisStyle,
  colour,
  frameOf,
  itemTooltip,
  numberAxis,
  SERIES,
  series,
  wordStyle,
} from '../charts/palette.js';
import type { Theme } from '../theme.js';

/** Bars that can be read at the width of the panel; the rest is one bar. */
const MOST_BARS = 14;

/** One operator, or the rest together. */
interface Bar {
  readonly name: string;
  readonly module: string | null;
  readonly calls: number;
  readonly seconds: number;
}

/** @returns operators by time, the longest first; what is beyond the last bar is added up in it. */
function barsOf(operators: readonly ProfiledOperator[]): Bar[] {
  const sorted = [...operators].sort((a, b) => b.seconds - a.seconds);
  const bars = sorted.map(
    ({ operator, module, calls, seconds }): Bar => ({ name: operator, module, calls, seconds }),
  );
  if (bars.length <= MOST_BARS) return bars;
  const rest = bars.slice(MOST_BARS - 1);
  const total = rest.reduce(
    (sum, bar) => ({ calls: sum.calls + bar.calls, seconds: sum.seconds + bar.seconds }),
    { calls: 0, seconds: 0 },
  );
  return [...bars.slice(0, MOST_BARS - 1), { name: `${rest.length} others`, module: null, ...total }];
}

/** Where the time of a phase went, operator by operator, in the colours of their modules. */
function operatorsOption(bars: readonly Bar[], modules: readonly string[], total: number): Option {
  return {
    ...frameOf({ left: 8, right: 64, top: 6, bottom: 24 }),
    tooltip: itemTooltip(({ dataIndex }: { dataIndex: number }) => {
      const bar = bars[dataIndex];
      if (bar === undefined) return '';
      const module = bar.module === null ? '' : ` (${bar.module})`;
      return `${bar.name}${module}: ${quantity(bar.seconds, 's')} in ${bar.calls} calls, ${quantity(bar.seconds / bar.calls, 's')} each`;
    }),
    xAxis: numberAxis((v: number) => tick(v, 's')),
    yAxis: {
      ...axisStyle(),
      type: 'category',
      inverse: true,
      data: bars.map(({ name }) => name),
      axisLabel: { ...axisStyle().axisLabel, interval: 0 },
    },
    series: [
      {
        type: 'bar',
        animation: false,
        barCategoryGap: '28%',
        data: bars.map((bar) => ({
          value: bar.seconds,
          itemStyle: { color: bar.module === null ? colour('line') : series(modules.indexOf(bar.module)) },
        })),
        label: {
          show: true,
          position: 'right',
          ...wordStyle('quiet', 10.5),
          formatter: ({ dataIndex }: { dataIndex: number }) =>
            `${((100 * (bars[dataIndex]?.seconds ?? 0)) / total).toFixed(1)} %`,
        },
      },
    ],
  };
}

interface OperatorsProps {
  readonly trial: ResultRecord;
  readonly number: number;
  readonly theme: Theme;
}

/** What each operator took, phase by phase; nothing unless the trial was profiled. */
export function Operators({ trial, number, theme }: OperatorsProps) {
  const phases = trial.profile?.phases ?? [];
  return (
    <>
      {phases.map((phase) => (
        <PhaseOperators key={phase.name} number={number} phase={phase} theme={theme} />
      ))}
    </>
  );
}

function PhaseOperators({ number, phase, theme }: { number: number; phase: ProfiledPhase; theme: Theme }) {
  const bars = useMemo(() => barsOf(phase.operators), [phase]);
  const modules = useMemo(() => [...new Set(phase.operators.map(({ module }) => module))], [phase]);
  const total = phase.profiledSeconds;
  const option = useMemo(() => operatorsOption(bars, modules, total), [bars, modules, total, theme]);
  const inside = phase.operators.reduce((sum, { seconds }) => sum + seconds, 0);
  const cost = total / phase.plainSeconds - 1;
  return (
    <PlotFrame
      id={`operators-${phase.name}`}
      title={`Operators of the ${phase.name}`}
      level={3}
      kind="operators"
      file={`row-${number}-${phase.name}-operators`}
      data={() => dataOf(phase)}
    >
      <ChartView
        option={option}
        label={`Time of ${phase.operators.length} operators of the ${phase.name}; the numbers are in the table`}
        height={bars.length * 21 + 34}
      />
      <ul class="key">
        {modules.map((module, i) => (
          <li key={module}>
            <i style={{ background: `var(--c${i % SERIES})` }} />
            {module}
          </li>
        ))}
      </ul>
      <p class="quiet">
        of {quantity(total, 's')}, {quantity(Math.max(0, total - inside), 's')} around the operators; looking
        on cost {(100 * cost).toFixed(1)} %
      </p>
    </PlotFrame>
  );
}

function dataOf({ operators, profiledSeconds }: ProfiledPhase): PlotData {
  return {
    head: ['operator', 'module', 'op', 'calls', 'seconds', 'secondsPerCall', 'share'],
    lines: [...operators]
      .sort((a, b) => b.seconds - a.seconds)
      .map(({ operator, module, op, calls, seconds }) => [
        operator,
        module,
        op,
        calls,
        seconds,
        seconds / calls,
        seconds / profiledSeconds,
      ]),
  };
}
