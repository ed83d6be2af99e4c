import { type ComponentChildren, createContext } from 'preact';
import { useContext, useMemo } from 'preact/hooks';
import type { LiveSweep, LiveTrial } from '../../../../report/live/live.js';
import { ReportPage } from '../report-page.js';
import type { Theme } from '../theme.js';
import { CancelSweep } from './cancel-sweep.js';
import { useOtherSweeps } from './other-sweeps.js';
import { PauseSweep } from './pause-sweep.js';
import { countsText, leftText, ProgressBar, Reasons, RunningTrials } from './progress.js';
import { Search } from './search.js';
import type { FollowedReport } from './trials.js';

/** Progress of a sweep; null = it is not among the newest sweeps, or not received yet. */
export interface SweepProgress {
  readonly sweep: LiveSweep | null;
  readonly running: readonly LiveTrial[];
  /** Whether it may be paused and cancelled here. */
  readonly writes: boolean;
}

/** Changes several times a second; what does not show it is not drawn again for it. */
export const SweepProgressContext = createContext<SweepProgress>({ sweep: null, running: [], writes: false });

interface SweepProps {
  readonly sweepId: string;
  /** Of the coordinator; null = not received yet. */
  readonly sweeps: readonly LiveSweep[] | null;
  readonly name: string | null;
  readonly followed: FollowedReport | null;
  readonly theme: Theme;
  /** The line above the title; the same element as long as it is the same line. */
  readonly top: ComponentChildren;
}

/** One sweep: where it stands, and its results as they come. */
export function SweepPage({ sweepId, sweeps, name, followed, theme, top }: SweepProps) {
  const runs = useOtherSweeps(sweepId, sweeps);
  const page = useMemo(
    () =>
      followed === null || followed.report.rows.length === 0 ? null : (
        <ReportPage
          report={followed.report}
          details={followed.details}
          theme={theme}
          top={top}
          progress={<Progress />}
          runs={runs}
        />
      ),
    [followed, theme, top, runs],
  );
  if (page !== null) return page;
  return (
    <>
      <header class="top">
        {top}
        <h1 tabIndex={-1}>{name ?? followed?.report.sweepName ?? 'Sweep'}</h1>
      </header>
      <main class="live">
        <Progress />
        <p class="empty">{followed === null ? 'Asking the coordinator…' : 'No results yet.'}</p>
      </main>
    </>
  );
}

function Progress() {
  const { sweep, running, writes } = useContext(SweepProgressContext);
  if (sweep === null) return null;
  return (
    <section class="standing" aria-label="Progress">
      <p class="standing-line">
        <b>{leftText(sweep, running)}</b>
        <span>{countsText(sweep)}</span>
        {sweep.queued > 0 && <span class="quiet">{sweep.queued} queued</span>}
        {sweep.reused > 0 && <span class="quiet">{sweep.reused} taken over from earlier sweeps</span>}
      </p>
      <ProgressBar sweep={sweep} />
      {sweep.search !== null && <Search search={sweep.search} points={sweep.points} />}
      <RunningTrials running={running} />
      <Reasons sweep={sweep} />
      {writes && (sweep.state === 'running' || sweep.state === 'paused') && (
        <div class="steering">
          <PauseSweep sweep={sweep} />
          <CancelSweep sweep={sweep} />
        </div>
      )}
    </section>
  );
}
