import { useMemo, useRef } from 'preact/hooks';
import type { ProfiledPhase } from '../../../../core/result/profile-record.js';
import type { ResultRecord } from '../../../../core/result/result.js';
import { quantity } from '../../../../report/scale.js';
import { type Chart, ChartView } from '../charts/chart.js';
import { type PlotData, PlotFrame } from '../charts/frame.js';
import { SERIES } from '../charts/palette.js';
import type { Theme } from '../theme.js';
import { barsOf, operatorsOption } from './operators-option.js';

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
  const chart = useRef<Chart | null>(null);
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
      drawn={() => chart.current}
      data={() => dataOf(phase)}
    >
      <ChartView
        option={option}
        label={`Time of ${phase.operators.length} operators of the ${phase.name}; the numbers are in the table`}
        height={bars.length * 21 + 34}
        onReady={(made) => {
          chart.current = made;
        }}
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
