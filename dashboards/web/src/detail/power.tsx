import { useMemo } from 'preact/hooks';
import type { ResultRecord } from '../../../../core/result/result.js';
import { type PhasePower, type TrialPower, trialPower } from '../../../../report/phase-power.js';
import { quantity } from '../../../../report/scale.js';
import { type PlotData, PlotFrame } from '../charts/frame.js';
import { PlotView } from '../charts/plot.js';
import { Heads } from '../heads.js';
import type { Theme } from '../theme.js';
import { PHASE_COLOURS, powerPlot } from './power-option.js';
import { type Strip, stripsOf } from './series.js';

/** Power over the time of a trial with its phases, and what each phase took; nothing without a source. */
export function Power({ trial, number, theme }: { trial: ResultRecord; number: number; theme: Theme }) {
  const lines = useMemo(() => stripsOf(trial).filter(({ unit }) => unit === 'W'), [trial]);
  const power = useMemo(() => trialPower(trial), [trial]);
  const plot = useMemo(() => powerPlot(trial, lines, power), [trial, lines, power, theme]);
  if (lines.length === 0) return null;
  return (
    <PlotFrame
      id="power"
      title="Power"
      level={3}
      note={power === null ? null : power.source}
      file={`row-${number}-power`}
      data={() => dataOf(lines)}
    >
      <PlotView
        plot={plot}
        label={`Power over the trial, ${lines.length} ${lines.length === 1 ? 'source' : 'sources'}, phases behind it`}
        height={230}
        renderer="svg"
      />
      {power !== null && <Phases power={power} />}
    </PlotFrame>
  );
}

function Phases({ power }: { power: TrialPower }) {
  return (
    <table class="figures phase-power">
      <caption>
        {power.idleWatts === null
          ? 'energy as metered; no idle power was taken for this source'
          : `net is without the ${quantity(power.idleWatts, 'W')} of the idle machine`}
      </caption>
      <Heads of={['phase', 'time', 'mean power', 'energy', 'net']} />
      <tbody>
        {power.byName.map((phase) => (
          <tr key={phase.name}>
            <th scope="row">
              <i class="dot" style={{ background: `var(--${PHASE_COLOURS[phase.name]})` }} />
              {phase.count > 1 ? `${phase.count} × ${phase.name}` : phase.name}
            </th>
            <td>{quantity(phase.seconds, 's')}</td>
            <Energy phase={phase} />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Energy({ phase: { count, known, watts, joules, netJoules, reason } }: { phase: PhasePower }) {
  if (joules === null) {
    return (
      <td colSpan={3} class="quiet">
        {reason}
      </td>
    );
  }
  return (
    <>
      <td>{watts === null ? '–' : quantity(watts, 'W')}</td>
      <td title={reason ?? undefined}>
        {quantity(joules, 'J')}
        {known < count && <span class="quiet"> of {known}</span>}
      </td>
      <td>{netJoules === null ? '–' : quantity(netJoules, 'J')}</td>
    </>
  );
}

function dataOf(lines: readonly Strip[]): PlotData {
  return {
    head: ['source', 'seconds', 'watts'],
    lines: lines.flatMap(({ label, points }) => points.map(([t, w]) => [label, t, w])),
  };
}
