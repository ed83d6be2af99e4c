import type { ComponentChildren } from 'preact';
import type { LiveSweep, LiveTrial } from '../../../../core/live/live.js';
import { ReportPage } from '../report-page.js';
import type { Theme } from '../theme.js';
import { countsText, leftText, ProgressBar, Reasons, RunningTrials } from './progress.js';
import type { FollowedReport } from './trials.js';

interface SweepProps {
  /** null = it is not among the newest sweeps, or not told yet. */
  readonly sweep: LiveSweep | null;
  readonly running: readonly LiveTrial[];
  readonly followed: FollowedReport | null;
  readonly theme: Theme;
  readonly top: ComponentChildren;
}

/** One sweep: where it stands, and its results as they come. */
export function SweepPage({ sweep, running, followed, theme, top }: SweepProps) {
  const progress = sweep === null ? null : <Standing sweep={sweep} running={running} />;
  if (followed === null || followed.report.rows.length === 0) {
    return (
      <>
        <header class="top">
          {top}
          <h1 tabIndex={-1}>{sweep?.name ?? followed?.report.sweepName ?? 'Sweep'}</h1>
        </header>
        <main class="live">
          {progress}
          <p class="empty">{followed === null ? 'Asking the coordinator…' : 'No results yet.'}</p>
        </main>
      </>
    );
  }
  const { report, details } = followed;
  return <ReportPage report={report} details={details} theme={theme} top={top} progress={progress} />;
}

function Standing({ sweep, running }: { sweep: LiveSweep; running: readonly LiveTrial[] }) {
  return (
    <section class="standing" aria-label="Progress">
      <p class="standing-line">
        <b>{leftText(sweep, running)}</b>
        <span>{countsText(sweep)}</span>
        {sweep.queued > 0 && <span class="quiet">{sweep.queued} queued</span>}
        {sweep.reused > 0 && <span class="quiet">{sweep.reused} taken over from earlier sweeps</span>}
      </p>
      <ProgressBar sweep={sweep} />
      <RunningTrials running={running} />
      <Reasons sweep={sweep} />
    </section>
  );
}
