import { printable } from '../../core/input/printable.js';
import { changeSentences } from '../../core/quality/questions.js';
import { WARNINGS, type WarningCode } from '../../core/result/warnings.js';
import type { ControlConnection } from '../../proto/client.js';
import { fromSweepState } from '../../proto/convert.js';
import {
  type SubmitSweepResponse,
  SweepState,
  type SweepStatus,
  type WatchSweepResponse,
} from '../../proto/gen/ridgepoint/v1/control.js';
import { gradesText } from '../../report/grades-text.js';
import { duration } from '../../report/time-left.js';
import { findSweep, withCoordinator } from '../connection.js';
import { EXIT } from '../exit.js';
import type { ConnectionOptions } from '../options/connection.js';
import { say, sayAbove } from '../output/print.js';
import type { Progress } from '../output/progress.js';
import { progressWriter } from '../output/progress-writer.js';
import { terminalStyle } from '../output/terminal.js';
import { askedAgainSince } from '../results/results.js';

/** What to do about invalid rows of a coordinator's sweep. */
export const TRY_AGAIN = 'The same file, submitted again with --retry-failed, measures only these.';

/** What the progress display shows of one state of a sweep. */
function progressOf(update: WatchSweepResponse, status: SweepStatus, elapsedSeconds: number): Progress {
  const { points, complete, disturbed, failed, invalid, starts, maxStarts, start, trialsLeft } = status;
  return {
    points,
    complete,
    disturbed,
    failed,
    invalid,
    starts,
    maxStarts,
    start,
    trialsLeft,
    search: searchOf(status),
    paused: status.state === SweepState.SWEEP_STATE_PAUSED,
    running: update.running,
    trialSeconds: status.trialSeconds === 0 ? null : status.trialSeconds,
    elapsedSeconds,
  };
}

function searchOf({ search }: SweepStatus): Progress['search'] {
  if (search === undefined) return null;
  const { hypervolume, prior: _, ended, budget, ...counts } = search;
  return {
    ...counts,
    hypervolume: hypervolume ?? null,
    ended: ended === '' ? null : ended,
    budget: {
      trials: budget?.trials ?? null,
      deviceHours: budget?.deviceHours ?? null,
      joules: budget?.joules ?? null,
    },
  };
}

/** @returns one reason why points of a sweep wait, as a line for people. */
export function whyItWaits({ sweepId, state }: SweepStatus, reason: string): string {
  // Agents and other people wrote it.
  const why = printable(reason);
  if (state === SweepState.SWEEP_STATE_CANCELLED) return `cancelled: ${why}`;
  if (state !== SweepState.SWEEP_STATE_PAUSED) return `waiting: ${why}`;
  return `paused: ${why}; \`ridge resume ${sweepId}\` goes on`;
}

/**
 * Shows progress on stderr until the sweep is finished or the signal aborts; says why when points wait.
 * @param heard is told how far it is, with each change.
 * @returns where the sweep stood then; null when nobody said.
 */
export async function watchSweep(
  control: ControlConnection,
  sweepId: string,
  signal?: AbortSignal,
  heard?: (progress: Progress) => void,
): Promise<SweepStatus | null> {
  const writer = progressWriter(process.stderr, terminalStyle(process.stderr));
  sayAbove(writer);
  const start = performance.now();
  const reported = new Set<string>();
  const decided = new Set<string>();
  let before: ReturnType<typeof fromSweepState> = 'running';
  let last: WatchSweepResponse | undefined;
  const draw = (): void => {
    if (last?.status === undefined) return;
    const progress = progressOf(last, last.status, (performance.now() - start) / 1000);
    writer.update(progress);
    heard?.(progress);
  };
  // Times go on between two messages.
  const clock = setInterval(draw, 1000);
  try {
    for await (const update of control.watchSweep({ sweepId }, signal)) {
      last = update;
      draw();
      const state = fromSweepState(update.status?.state ?? SweepState.SWEEP_STATE_RUNNING);
      if (state !== before) {
        // What held it back is said again when it does so again.
        reported.clear();
        if (before === 'paused' && state === 'running') say('resumed: it goes on');
        before = state;
      }
      if (update.status !== undefined) {
        const prior = update.status.search?.prior ?? '';
        if (prior !== '' && !decided.has(prior)) {
          decided.add(prior);
          say(`the search begins with ${printable(prior)}`);
        }
        for (const { label, promoted, reason } of update.status.search?.decisions.toReversed() ?? []) {
          const line = `${promoted ? 'measured in full' : 'left after its probes'}: ${printable(label)}: ${printable(reason)}`;
          if (decided.has(line)) continue;
          decided.add(line);
          say(line);
        }
        for (const reason of update.status.blockedReasons) {
          if (reported.has(reason)) continue;
          reported.add(reason);
          say(whyItWaits(update.status, reason));
        }
      }
      if (state === 'done' || state === 'cancelled') break;
    }
  } finally {
    clearInterval(clock);
    writer.end();
    sayAbove(null);
  }
  if (last?.status !== undefined) saySearch(last.status);
  for (const reason of last?.status?.failureReasons ?? []) say(`failed: ${printable(reason)}`);
  return last?.status ?? null;
}

/** Says why a search has ended, and what it was spared. */
function saySearch({ search, points, spared }: SweepStatus): void {
  if (search === undefined || search.ended === '') return;
  const { measured, probed, trials, deviceSeconds, skipped, ended } = search;
  say(
    `the search has ended: ${printable(ended)}; ${measured} of ${points} points were measured${probed > 0 ? ` and ${probed} more probed` : ''} in ${trials} trials and ${duration(deviceSeconds)} of devices, ${spared} were spared`,
  );
  for (const { reason, points: count } of skipped) say(`skipped: ${printable(reason)} (${rowsText(count)})`);
}

/**
 * @returns the exit code that a sweep ends with: 0 when every experiment has a valid result, 1 when some
 *   failed or the sweep was cancelled, 4 when some stayed invalid.
 */
export function exitCodeOf(status: SweepStatus | null): number {
  if (status === null || status.failed > 0 || status.state === SweepState.SWEEP_STATE_CANCELLED) {
    return EXIT.failed;
  }
  return status.invalid > 0 ? EXIT.invalid : EXIT.ok;
}

/**
 * Says how many rows are of which grade, what by, and what would help most, as the last line of a command.
 * Rows that are all clean have said it themselves.
 * @param again how to have invalid rows tried again.
 * @param how.explained a table has just said what each reason is, and what to do about it.
 * @param how.marked rows that the report marks as disturbed: besides those with a reason, those that readings
 *   of neighbours adjust by much.
 */
export function sayGrades(
  status: SweepStatus | null,
  again: string,
  { explained = false, marked = 0 }: { readonly explained?: boolean; readonly marked?: number } = {},
): void {
  if (status === null) return;
  const { points, complete, invalid, failed } = status;
  const disturbed = Math.max(marked, status.disturbed);
  if (disturbed + invalid === 0) return;
  const adjusted = disturbed - status.disturbed;
  const settled = complete + invalid + failed;
  say(`${settled} of ${rowsText(points)}${gradesText({ valid: complete, disturbed, invalid, failed })}`);
  if (disturbed > 0) {
    const reasons = [
      ...(status.disturbed > 0 ? [tallied(status.disturbedBy)] : []),
      ...(adjusted > 0
        ? [`neighbours that numbers are adjusted for considerably (${rowsText(adjusted)})`]
        : []),
    ];
    say(
      `disturbed by ${reasons.join(', ')}: these rows count, and their intervals allow for it. ${mostHelp(status.disturbedBy, explained)}docs/noisy.md says what can be done.`,
    );
  }
  if (invalid > 0)
    say(
      `invalid by ${tallied(status.invalidBy)}: not to be compared. ${mostHelp(status.invalidBy, explained)}${again}`,
    );
}

/**
 * Says which rows were asked again, or scored again, by a submission, and why: their questions had changed.
 */
export async function sayAskedAgain(
  control: ControlConnection,
  submitted: Pick<SubmitSweepResponse, 'sweepId' | 'position'>,
): Promise<void> {
  for (const sentence of changeSentences(await askedAgainSince(control, submitted))) say(printable(sentence));
}

type CodeCounts = SweepStatus['invalidBy'];

/** Each reason with its rows; one row may have several. */
const tallied = (counts: CodeCounts): string =>
  counts.map(({ code, points }) => `${code} (${rowsText(points)})`).join(', ');

const rowsText = (count: number) => `${count} ${count === 1 ? 'row' : 'rows'}`;

/**
 * What the reason that most rows have is, and what to do about it. A coordinator may send any word as a code.
 */
function mostHelp([most]: CodeCounts, explained: boolean): string {
  if (most === undefined || !Object.hasOwn(WARNINGS, most.code)) return '';
  if (explained) return `The most frequent reason is ${most.code}, see its note above. `;
  return `The most frequent reason is ${most.code}: ${WARNINGS[most.code as WarningCode].help}. `;
}

/** `ridge watch`. @returns the exit code, as `exitCodeOf`. */
export async function watch(named: string | undefined, options: ConnectionOptions): Promise<number> {
  return await withCoordinator(options, async (control) => {
    const sweep = await findSweep(control, named);
    const status = await watchSweep(control, sweep.sweepId);
    sayGrades(status, TRY_AGAIN);
    return exitCodeOf(status);
  });
}
