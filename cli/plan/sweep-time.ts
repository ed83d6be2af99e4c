import { FEW_EXPERIMENTS } from '../../coordinator/scheduler/block-allocator.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import { runnerNamed } from '../../core/runners/index.js';
import { experimentAt } from '../../core/sweep/expand.js';
import type { Space } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { BUILTIN_TEXT } from '../../core/techniques/calibration-spec.js';
import { duration } from '../../report/time-left.js';
import { SECONDS_AROUND_A_TRIAL, type TimeEstimator, type TrialTime } from './estimate.js';
import { plannedFiles } from './files.js';

/** Most points that are estimated one by one; each takes milliseconds. */
const MOST_ESTIMATED = 200;
/** What neighbours may add to the time that was promised. */
export const AT_MOST = 1.25;
/**
 * What a run takes before its trials on two idle cores: its start, and looking at the node and its engines.
 */
const START_SECONDS = 1.5;
export const OPEN_SECONDS = 1;
/** The report at its end: code that is loaded, and each record that is read and shown. */
const CLOSE = { seconds: 0.5, perStart: 0.004 } as const;

/** @returns seconds that the report of so many starts takes on two idle cores. */
export const closeSeconds = (starts: number): number => CLOSE.seconds + CLOSE.perStart * starts;

/** A child process, and what its work takes beside it, on two cores. */
const FILE = { seconds: 0.7, perByte: 1 / 30e6 } as const;
const ASKING = { seconds: 1, perLogit: 1.3e-7 } as const;
const SAMPLE_TOKENS = 8583;

/** How long a whole sweep takes on one device of this machine. */
export interface SweepTime {
  /**
   * Of the starts alone, with the fewest rounds that the measurement policy allows, and with the most; null
   * with the reason in `absent`.
   */
  readonly seconds: { readonly least: number; readonly most: number } | null;
  readonly absent: string | null;
  /** What it was estimated by, in words; null where it was not. */
  readonly how: string | null;
  /** It stands on what roofs allow, which no engine reaches. */
  readonly atLeast: boolean;
  /**
   * All of it: what comes first, starts and drift controls, files to make, quality, the report. Null with the
   * reason beside it.
   */
  readonly promise: Promised | null;
  /**
   * Of roofs and factors that this machine lacks and a run measures first, at most; 0 where it lacks none.
   */
  readonly firstSeconds: number;
  readonly promiseAbsent: string | null;
}

export interface Promised {
  readonly starts: number;
  readonly startsSeconds: number;
  readonly filesSeconds: number;
  readonly qualitySeconds: number;
  /** Of the three, beside what else runs here: starts after the first of each point give way to that. */
  readonly sweepSeconds: number;
  readonly firstSeconds: number;
  /** Seconds that this machine takes for a second of CPU. */
  readonly crowding: number;
  /** From the start of the command to its end. */
  readonly aboutSeconds: number;
  readonly atMostSeconds: number;
}

/** What a run meets beside its own work. */
export type Conditions = Pick<Promised, 'firstSeconds' | 'crowding'>;
const ALONE: Conditions = { firstSeconds: 0, crowding: 1 };

/**
 * Adds up the trials of a sweep, every start of every experiment and the drift controls of each block, and
 * what comes beside them.
 */
export function sweepTime(
  sweep: Sweep,
  space: Space,
  { estimate, basis }: TimeEstimator,
  conditions = ALONE,
): SweepTime {
  const taken = Math.min(space.count, MOST_ESTIMATED);
  const unknownTime = (absent: string): SweepTime => ({
    seconds: null,
    absent,
    how: null,
    atLeast: false,
    promise: null,
    firstSeconds: conditions.firstSeconds,
    promiseAbsent: absent,
  });
  if (taken === 0) return unknownTime('no point can run');
  const looked: { experiment: Experiment; trial: TrialTime }[] = [];
  for (let i = 0; i < taken; i++) {
    const experiment = experimentAt(space, Math.floor((i * space.count) / taken));
    const trial = estimate(experiment);
    if (typeof trial === 'string') return unknownTime(trial);
    looked.push({ experiment, trial });
  }
  const sum = (of: (trial: TrialTime) => number) => looked.reduce((total, { trial }) => total + of(trial), 0);
  const atLeast = looked.some(({ trial }) => trial.by === 'roofs');
  const starts = startsOf(sweep, space.count);
  const seconds = {
    least: (sum(({ least }) => least) * starts) / taken,
    most: (sum(({ most }) => most) * starts) / taken,
  };
  const by = atLeast ? `${basis} alone (\`ridge factors\` makes it a prediction)` : `${basis}, with factors`;
  const some = taken === space.count ? '' : `, from ${taken} of the points`;
  const beside = preparationTime(sweep, space, looked, space.count / taken);
  const promise =
    sweep.search !== null
      ? 'a search ends when its budget is spent or nothing more is gained'
      : atLeast
        ? 'no factors say how near the engine comes to the roofs'
        : typeof beside === 'string'
          ? beside
          : promised({ starts, startsSeconds: seconds.most, ...beside, ...conditions }, space.count);
  return {
    seconds,
    absent: null,
    how: `${by}${some}`,
    atLeast,
    promise: typeof promise === 'string' ? null : promise,
    firstSeconds: conditions.firstSeconds,
    promiseAbsent: typeof promise === 'string' ? promise : null,
  };
}

type Beside = Pick<Promised, 'filesSeconds' | 'qualitySeconds'>;

function promised(
  parts: Omit<Promised, 'sweepSeconds' | 'aboutSeconds' | 'atMostSeconds'>,
  points: number,
): Promised {
  const { starts, startsSeconds, filesSeconds, qualitySeconds, firstSeconds, crowding } = parts;
  const once = filesSeconds + qualitySeconds;
  const sweepSeconds = Math.max(startsSeconds + once, crowding * ((startsSeconds * points) / starts + once));
  const around = START_SECONDS + OPEN_SECONDS + closeSeconds(starts);
  const aboutSeconds = crowding * around + firstSeconds + sweepSeconds;
  return { ...parts, sweepSeconds, aboutSeconds, atMostSeconds: AT_MOST * aboutSeconds };
}

/**
 * @returns `about 1 min 40 s, at most 2 min 05 s`.
 * @param aboutSeconds from the start of a command to its end.
 */
export function promiseText(aboutSeconds: number): string {
  return `about ${duration(aboutSeconds)}, at most ${duration(AT_MOST * aboutSeconds)}`;
}

/** From here on somebody else is worth a word. */
const CROWDED = 1.5;

/** @returns ` beside what else runs here (× 7.5)`; nothing where hardly anything does. */
export function crowdedText({ crowding }: Pick<Promised, 'crowding'>): string {
  return crowding < CROWDED ? '' : ` beside what else runs here (× ${crowding.toFixed(1)})`;
}

/** Passes over the sweep are blocks of their own. */
export function startsOf({ placement, startsPolicy }: Sweep, points: number): number {
  const { driftControl, blockSize } = placement;
  const controls = driftControl && points > FEW_EXPERIMENTS ? 2 * Math.ceil(points / blockSize) : 0;
  return startsPolicy.starts * (points + controls);
}

/** @returns what making files and asking for quality takes, or why that is not known. */
function preparationTime(
  sweep: Sweep,
  space: Space,
  looked: readonly { readonly experiment: Experiment; readonly trial: TrialTime }[],
  scale: number,
): Beside | string {
  const files = plannedFiles(space);
  if (files === null) return 'the files of so many points are not counted';
  const slow = files.find(({ recipe }) => !/^(convert|quantize)\([a-z0-9_]+\)( → |$)/.test(recipe));
  if (slow !== undefined) return `how long ${slow.recipe} takes is not estimated`;
  const bytes = new Map(sweep.models.map(({ name, facts }) => [name, facts?.bytes ?? 0]));
  const filesSeconds = files.reduce(
    (total, { model }) => total + FILE.seconds + FILE.perByte * bytes.get(model)!,
    0,
  );
  if (sweep.quality === null) return { filesSeconds, qualitySeconds: 0 };
  const { text, tasks, maxWindows, contextTokens, base } = sweep.quality;
  if (tasks.length > 0) return 'how long tasks take is not estimated';
  if (maxWindows === null && text !== BUILTIN_TEXT)
    return 'how long the text of quality is is not known: `quality.maxWindows` bounds it';
  const windows = Math.min(
    maxWindows ?? Infinity,
    text === BUILTIN_TEXT ? SAMPLE_TOKENS / contextTokens : Infinity,
  );
  const asked = new Map(looked.map(({ experiment, trial }) => [askingOf(experiment), { experiment, trial }]));
  let qualitySeconds = 0;
  for (const { experiment, trial } of asked.values()) {
    const each =
      trial.secondsPerPromptToken + ASKING.perLogit * (experiment.model.facts?.vocabularySize ?? 0);
    qualitySeconds += ASKING.seconds + windows * contextTokens * (base ? 2 : 1) * each;
  }
  return { filesSeconds, qualitySeconds: qualitySeconds * (asked.size === looked.length ? scale : 1) };
}

/** Points of one file that are asked the same share their answers. */
function askingOf({ model, technique, runner }: Experiment): string {
  const options = (runnerNamed(runner.kind)?.answerOptions ?? []).map((name) => runner.options[name]);
  return JSON.stringify([model.name, technique, runner.kind, options]);
}

/** What all starts take whose rounds are short; null without `maxSeconds`. */
export function budgetOf(sweep: Sweep, points: number): number | null {
  const { maxSeconds } = sweep.measure;
  return maxSeconds === null ? null : startsOf(sweep, points) * (1.5 * maxSeconds + SECONDS_AROUND_A_TRIAL);
}

/** What one trial of a sweep takes, about; null where nothing says so. */
export function secondsOfATrial(sweep: Sweep, points: number, { seconds }: SweepTime): number | null {
  const all = seconds === null ? budgetOf(sweep, points) : (seconds.least + seconds.most) / 2;
  return all === null || points === 0 ? null : all / startsOf(sweep, points);
}
