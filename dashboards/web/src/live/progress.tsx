import { gradesText } from '../../../../report/grades-text.js';
import type { LiveSweep, LiveTrial } from '../../../../report/live/live.js';
import { budgetSpent } from '../../../../report/search-left.js';
import { duration, secondsLeft, settledOf, stillRuns } from '../../../../report/time-left.js';

/** How a sweep stands in one line: a bar whose parts are states, and the counts in words. */
export function ProgressBar({ sweep }: { sweep: LiveSweep }) {
  const { points } = sweep;
  const parts = (['complete', 'invalid', 'failed', 'running'] as const).filter((state) => sweep[state] > 0);
  const begun = 1 - sweep.trialsLeft / (points * sweep.starts) - (settledOf(sweep) + sweep.running) / points;
  return (
    <div class="progress" role="img" aria-label={countsText(sweep)}>
      {parts.map((state) => (
        <span
          key={state}
          class={state}
          style={{ width: `${(100 * sweep[state]) / points}%` }}
          title={`${sweep[state]} ${WORDS[state]}`}
        />
      ))}
      {begun > 0 && (
        <span
          class="begun"
          style={{ width: `${100 * begun}%` }}
          title="starts of rows that want more of them"
        />
      )}
    </div>
  );
}

const WORDS = { complete: 'measured', invalid: 'invalid', failed: 'failed', running: 'running' } as const;

/** @returns `17 of 24 settled, start 3 of 3: 12 clean, 3 disturbed, 1 invalid, 1 failed` */
export function countsText(sweep: LiveSweep): string {
  const { starts, start } = sweep;
  const pass = starts > 1 && start > 0 ? `, start ${start} of ${starts}` : '';
  const grades = gradesText({ ...sweep, valid: sweep.complete });
  return `${settledOf(sweep)} of ${sweep.points} settled${pass}${grades}`;
}

/** @returns `about 12 min left`, what a pause leaves going on, or how it ended. */
export function leftText(sweep: LiveSweep, running: readonly LiveTrial[]): string {
  if (sweep.state === 'paused') return `paused: ${stillRuns(running.length)}`;
  if (sweep.state !== 'running') return sweep.state;
  const pace = { ...sweep, running };
  const left = sweep.search === null ? secondsLeft(pace) : budgetSpent(sweep.search, pace).secondsLeft;
  if (left !== null && running.length > 0) return `about ${duration(left)} left`;
  return running.length > 0 ? 'running' : 'waiting';
}

/** What runs now, one line each. */
export function RunningTrials({ running }: { running: readonly LiveTrial[] }) {
  if (running.length === 0) return null;
  return (
    <ul class="running">
      {running.map((trial) => (
        <li key={trial.trialId}>
          <span class="doing">{trial.label}</span>
          <span class="quiet">
            {trial.node} {trial.deviceId}
          </span>
          <span>{stepText(trial)}</span>
          <span class="quiet">{duration(trial.elapsedSeconds)}</span>
        </li>
      ))}
    </ul>
  );
}

/** @returns `decode 3/10` */
export function stepText({ phase, repeat, maxRepeats }: LiveTrial): string {
  if (phase === null) return 'starting';
  if (repeat === 0) return phase;
  return phase === 'warm-up' ? `${phase} ${repeat}` : `${phase} ${repeat}/${maxRepeats}`;
}

/** What its reasons are of; otherwise it waits. */
const WHY: Partial<Record<LiveSweep['state'], string>> = { paused: 'Paused', cancelled: 'Cancelled' };

/** Sentences on what waits and what was given up. */
export function Reasons({ sweep }: { sweep: LiveSweep }) {
  const flags = (by: LiveSweep['invalidBy']) =>
    by.map(({ code, points }) => `${code}: ${points} ${points === 1 ? 'row' : 'rows'}`);
  const lists: readonly (readonly [string, readonly string[]])[] = [
    [WHY[sweep.state] ?? 'Waiting', sweep.blockedReasons],
    ['Invalid', flags(sweep.invalidBy)],
    ['Disturbed', flags(sweep.disturbedBy)],
    ['Given up', sweep.failureReasons],
  ];
  return (
    <>
      {lists.map(
        ([summary, lines], i) =>
          lines.length > 0 && (
            <details key={i} class="reasons" open={i === 0}>
              <summary>{summary}</summary>
              <ul>
                {lines.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </details>
          ),
      )}
    </>
  );
}
