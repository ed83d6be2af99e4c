import { type ComponentChildren, createContext } from 'preact';
import { useContext, useMemo, useState } from 'preact/hooks';
import { minuteOf } from '../../../../core/minute.js';
import { buildReport } from '../../../../report/build.js';
import type { LiveReport, LiveSweep, LiveTrial } from '../../../../report/live/live.js';
import { unpackPart } from '../../../../report/live/pack.js';
import type { Report } from '../../../../report/report.js';
import type { OtherRun } from '../compare/comparison.js';
import { ReportPage } from '../report-page.js';
import type { Theme } from '../theme.js';
import { askJson, change, Refusal } from './api.js';
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

/** Changes how a sweep goes on, and says what went wrong. */
function useSteering({ sweepId }: LiveSweep) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  const steer = async (how: 'pause' | 'resume' | 'cancel'): Promise<void> => {
    setBusy(true);
    setProblem('');
    try {
      await change(`sweeps/${encodeURIComponent(sweepId)}/${how}`, {});
    } catch (error) {
      setProblem((error as Error).message);
    }
    setBusy(false);
  };
  const alert = problem !== '' && (
    <p class="problem" role="alert">
      {problem}
    </p>
  );
  return { busy, steer, alert, forget: () => setProblem('') };
}

/** Pauses a sweep, or goes on with one that is paused; nothing is lost by either, so nothing is asked. */
function PauseSweep({ sweep }: { sweep: LiveSweep }) {
  const { busy, steer, alert } = useSteering(sweep);
  const paused = sweep.state === 'paused';
  return (
    <div class="pause">
      <button
        type="button"
        class="plain"
        // A button that is disabled would lose the focus, and with it its reader's place.
        aria-disabled={busy}
        title={paused ? undefined : 'Nothing more is begun until you resume it; what runs is finished.'}
        onClick={() => {
          if (!busy) void steer(paused ? 'resume' : 'pause');
        }}
      >
        {paused ? 'Resume' : 'Pause'}
      </button>
      {alert}
    </div>
  );
}

/** Cancels a sweep, once that was confirmed: trials that run are lost by it. */
function CancelSweep({ sweep }: { sweep: LiveSweep }) {
  const [asking, setAsking] = useState(false);
  const { busy, steer, alert, forget } = useSteering(sweep);
  const cancel = () => steer('cancel').then(() => setAsking(false));
  return (
    <div class="cancel">
      {asking ? (
        <p role="alertdialog" aria-label="Cancel the sweep">
          <span>
            Cancel {sweep.name}? {lossText(sweep)} What has been measured stays; submitting the same file
            again goes on from there.
          </span>
          <button type="button" class="plain danger" disabled={busy} onClick={() => void cancel()}>
            Cancel the sweep
          </button>
          <button type="button" class="plain" disabled={busy} onClick={() => setAsking(false)}>
            Go on
          </button>
        </p>
      ) : (
        <button
          type="button"
          class="plain"
          onClick={() => {
            forget();
            setAsking(true);
          }}
        >
          Cancel…
        </button>
      )}
      {alert}
    </div>
  );
}

function lossText({ running }: LiveSweep): string {
  if (running === 0) return 'Nothing of it runs now.';
  return running === 1 ? 'The trial that runs is stopped.' : `The ${running} trials that run are stopped.`;
}

/**
 * @param sweeps what the coordinator tells, several times a second
 * @returns the other sweeps of it as runs to compare with; the same list as long as there are no others
 */
function useOtherSweeps(sweepId: string, sweeps: readonly LiveSweep[] | null): readonly OtherRun[] {
  const others = (sweeps ?? []).filter((sweep) => sweep.sweepId !== sweepId);
  const key = others.map((sweep) => sweep.sweepId).join(' ');
  return useMemo(
    () =>
      others.map(({ sweepId: id, name, submittedAt }): OtherRun => {
        const run = `${name}, ${minuteOf(submittedAt)} UTC`;
        return { id, name: run, load: () => load(id, run) };
      }),
    [key],
  );
}

/** @throws Error with a sentence for people. */
async function load(sweepId: string, name: string): Promise<Report> {
  const base = await askJson<LiveReport>(
    `sweeps/${encodeURIComponent(sweepId)}/report`,
    new AbortController().signal,
  ).catch((error: unknown) => {
    if (error instanceof Refusal) throw error;
    throw new Error('The coordinator does not answer: choose the sweep again when it does.');
  });
  const report = buildReport(base.parts.flatMap(unpackPart), { ...base, sweepName: name });
  if (report.rows.length === 0) throw new Error(`${name} has no results yet: choose it again when it has.`);
  return report;
}
