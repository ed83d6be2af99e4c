import { minuteOf } from '../../../../core/minute.js';
import type { LiveSweep, LiveTrial } from '../../../../report/live/live.js';
import { Heads, numberHead } from '../heads.js';
import { countsText, leftText, ProgressBar } from './progress.js';
import { hrefOf } from './route.js';
import { SubmitSweep } from './submit-sweep.js';

interface SweepsProps {
  readonly sweeps: readonly LiveSweep[] | null;
  readonly running: readonly LiveTrial[];
  /** Whether sweeps may be submitted here. */
  readonly writes: boolean;
}

/** Every sweep with where it stands, the newest first. */
export function SweepsPage({ sweeps, running, writes }: SweepsProps) {
  return (
    <main class="live">
      <h1 tabIndex={-1}>Sweeps</h1>
      {writes && <SubmitSweep />}
      {sweeps === null ? (
        <p class="empty">Asking the coordinator…</p>
      ) : sweeps.length === 0 ? (
        <p class="empty">
          No sweeps yet. <code>ridge submit FILE</code> brings one.
        </p>
      ) : (
        <table class="listing">
          <Heads of={['Sweep', 'State', ['Progress', 'wide'], numberHead('Running'), 'Submitted']} />
          <tbody>
            {sweeps.map((sweep) => (
              <SweepRow
                key={sweep.sweepId}
                sweep={sweep}
                running={running.filter((trial) => trial.sweepId === sweep.sweepId)}
              />
            ))}
          </tbody>
        </table>
      )}
    </main>
  );
}

function SweepRow({ sweep, running }: { sweep: LiveSweep; running: readonly LiveTrial[] }) {
  const waits = sweep.blockedReasons[0];
  return (
    <tr data-sweep={sweep.sweepId}>
      <th scope="row">
        <a href={hrefOf({ page: 'sweep', sweepId: sweep.sweepId })}>{sweep.name}</a>
        <code class="quiet id">{sweep.sweepId}</code>
      </th>
      <td>{leftText(sweep, running)}</td>
      <td>
        <ProgressBar sweep={sweep} />
        <span class="counts-line">
          {countsText(sweep)}
          {sweep.reused > 0 && <span class="quiet">, {sweep.reused} taken over</span>}
        </span>
        {waits !== undefined && (
          <span class="code note">
            {sweep.state === 'paused' ? '' : 'waiting: '}
            {waits}
          </span>
        )}
      </td>
      <td class="number">{running.length}</td>
      <td>
        <time dateTime={sweep.submittedAt}>{minuteOf(sweep.submittedAt)} UTC</time>
      </td>
    </tr>
  );
}
