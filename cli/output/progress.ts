import pc from 'picocolors';
import { printable } from '../../core/input/printable.js';
import type { LiveSweep, LiveTrial } from '../../report/live/live.js';
import { budgetSpent } from '../../report/search-left.js';
import { duration, type Pace, secondsLeft, settledOf } from '../../report/time-left.js';
import type { SearchProgress } from '../../search/searcher.js';
import { ascii, cut } from './text.js';

/** What a sweep is doing, as the control API tells it. Settled points are complete, invalid or failed. */
export interface Progress
  extends Omit<Pace, 'running'>,
    Pick<LiveSweep, 'disturbed' | 'starts' | 'maxStarts' | 'start'> {
  /** Nothing more is begun until somebody resumes it: nobody knows how much time is left. */
  readonly paused: boolean;
  /** Which of the points are chosen, and how; null = all are measured. */
  readonly search: Pick<
    SearchProgress,
    'measured' | 'skipped' | 'hypervolume' | 'ended' | 'budget' | 'trials' | 'deviceSeconds' | 'joules'
  > | null;
  readonly running: readonly RunningTrial[];
  readonly elapsedSeconds: number;
}

export interface RunningTrial
  extends Pick<LiveTrial, 'label' | 'node' | 'repeat' | 'maxRepeats' | 'elapsedSeconds'> {
  /** `load`, `warm-up`, `prefill`, …; empty before the first. */
  readonly phase: string;
}

export interface ProgressStyle {
  readonly width: number;
  readonly color: boolean;
  readonly unicode: boolean;
}

/** Running trials that are named; a large fleet is only counted. */
const MOST_NAMED = 4;
const BAR = 24;

/** @returns the block that a terminal shows: a bar with counts and time, then what runs now. */
export function renderProgress(progress: Progress, style: ProgressStyle): string[] {
  const colors = pc.createColors(style.color);
  const text = (s: string) => (style.unicode ? printable(s) : ascii(printable(s)));
  const width = Math.max(12, style.width - 1);
  const trials = progress.points * progress.starts;
  const begun = trials === 0 ? 1 : Math.min(1, Math.max(0, 1 - progress.trialsLeft / trials));
  const share = (progress.search === null ? null : budgetSpent(progress.search, progress).share) ?? begun;
  const full = Math.floor(share * BAR);
  const bar = text('█').repeat(full) + text('░').repeat(BAR - full);
  const head = cut(`${bar} ${countsOf(progress)}${timesOf(progress)}`, width, text('…'));
  const named = progress.running
    .slice(0, MOST_NAMED)
    .map((trial) => trialLine(trial, progress.running, width, text));
  const more = progress.running.length - named.length;
  return [
    colors.cyan(head.slice(0, BAR)) + head.slice(BAR),
    ...named.map(colors.dim),
    ...(more > 0 ? [colors.dim(cut(`  and ${more} more running`, width))] : []),
  ];
}

/** Nobody is left for longer without a word. */
export const SILENT_SECONDS = 10;

/**
 * For logs and pipes: one line when the counts have changed since `before`; after ten seconds one that says
 * what runs; else null.
 * @param before the progress that was printed last; null = nothing yet
 */
export function plainProgress(progress: Progress, before: Progress | null): string | null {
  const changed =
    before === null ||
    settledOf(before) !== settledOf(progress) ||
    before.points !== progress.points ||
    before.trialsLeft !== progress.trialsLeft ||
    before.search?.measured !== progress.search?.measured;
  const line = `${countsOf(progress)}${timesOf(progress)}`;
  if (changed) return line;
  if (progress.elapsedSeconds - before.elapsedSeconds < SILENT_SECONDS) return null;
  const [first, ...others] = progress.running;
  if (first === undefined) return line;
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  return printable(`${line}; ${first.label}: ${doingOf(first)}${more}`);
}

function countsOf(progress: Progress): string {
  const flagged = [
    progress.disturbed > 0 ? `${progress.disturbed} disturbed` : '',
    progress.invalid > 0 ? `${progress.invalid} invalid` : '',
    progress.failed > 0 ? `${progress.failed} failed` : '',
  ].filter((part) => part !== '');
  const flags = flagged.length === 0 ? '' : ` (${flagged.join(', ')})`;
  const counts =
    progress.search === null
      ? `${settledOf(progress)}/${progress.points}${startOf(progress)}`
      : searched(progress, progress.search);
  return `${counts}${flags}`;
}

/** `41 of 2048 points, 7 skipped, 43 of 120 trials, front 83 %` */
function searched(progress: Progress, search: NonNullable<Progress['search']>): string {
  const { measured, skipped, hypervolume } = search;
  const budget = budgetSpent(search, progress).text;
  const left = skipped.reduce((sum, one) => sum + one.points, 0);
  const front = hypervolume === null ? '' : `, front ${Math.round(100 * hypervolume)} %`;
  const spent = budget === '' ? '' : `, ${budget}`;
  return `${measured} of ${progress.points} points${left > 0 ? `, ${left} skipped` : ''}${spent}${front}`;
}

/**
 * ` rows, 13 of 36 starts`, or which start they are at where the number is not known before; nothing where
 * each row has one.
 */
function startOf({ points, starts, maxStarts, start, trialsLeft }: Progress): string {
  if (maxStarts === 1) return '';
  if (start === 0) return ' rows';
  if (maxStarts > starts) return ` rows, start ${start} of ${starts} to ${maxStarts}`;
  return ` rows, ${points * starts - trialsLeft} of ${points * starts} starts`;
}

function timesOf(progress: Progress): string {
  if (progress.paused) return `, ${duration(progress.elapsedSeconds)}, paused`;
  const { search } = progress;
  const left = search === null ? secondsLeft(progress) : budgetSpent(search, progress).secondsLeft;
  const soon =
    left === null ? '' : left === 0 && search === null ? ', done' : `, about ${duration(left)} left`;
  return `, ${duration(progress.elapsedSeconds)}${soon}`;
}

function trialLine(
  trial: RunningTrial,
  all: readonly RunningTrial[],
  width: number,
  text: (s: string) => string,
): string {
  const place = new Set(all.map((t) => t.node)).size > 1 ? ` on ${trial.node}` : '';
  // The label gives way first: what happens and for how long stays readable.
  const tail = text(`${place}: ${doingOf(trial)}, ${duration(trial.elapsedSeconds)}`);
  return `  ${cut(text(trial.label), Math.max(4, width - 2 - tail.length), text('…'))}${cut(tail, width - 6, text('…'))}`;
}

/** `decode 3/10`, `the quantization`. */
function doingOf({ phase, repeat, maxRepeats }: RunningTrial): string {
  if (phase === '') return 'starting';
  if (repeat === 0) return phase;
  // Rounds of warm-up are not counted off against the repeats: they end when they are calm.
  return phase === 'warm-up' ? `${phase} ${repeat}` : `${phase} ${repeat}/${maxRepeats}`;
}
