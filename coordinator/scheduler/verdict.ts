import { FAILURES } from '../../core/errors.js';
import { SETTLING_METRICS, type SettlingValues } from '../../core/metrics/settling.js';
import { anotherStart } from '../../statistics/allocation.js';
import { tInterval } from '../../statistics/interval.js';
import type { ResultHead } from '../log/log.js';
import type { PointQueue } from './state.js';
import type { SweepView } from './view.js';

/** What a record means for its point. */
export type Verdict =
  /** One more start: a disturbed one counts as one, unless its gates are strict. */
  | { readonly verdict: 'start' }
  /** No try is left, or none would help: settled by the valid starts that it has. */
  | { readonly verdict: 'complete' }
  /** The same, without a valid start: settled by the newest invalid record. */
  | { readonly verdict: 'invalid'; readonly trialId: string }
  /** Settled without a usable record; needs the fact ExperimentGivenUp. */
  | { readonly verdict: 'give-up'; readonly reason: string }
  | { readonly verdict: 'again' };

/** A reason is kept in memory for each point that was given up; its record has the whole of it. */
const REASON_CHARACTERS = 1000;
/** Stopped on purpose or lost on the way: says nothing about the experiment, so it costs no attempt. */
const BLAMELESS: ReadonlySet<string> = new Set(['cancelled', 'lease-lost']);

/**
 * The retry policy, over all starts of an experiment together. `never` gives up at once. `elsewhere` costs no
 * attempt, and closes the node to this point. `later` is tried `placement.retries` times again. What came out
 * invalid is tried `measure.retryInvalid` times again.
 * @param queue what was tried before this record; it is not changed.
 */
export function judge(
  record: ResultHead,
  queue: Pick<PointQueue, 'tries' | 'starts'>,
  { placement: { retries }, startsPolicy: { retryInvalid } }: Pick<SweepView, 'placement' | 'startsPolicy'>,
): Verdict {
  const { position } = record.sweep;
  const tries = queue.tries.get(position);
  const starts = queue.starts.countOf(position);
  const complete = record.status === 'complete';
  if (complete && record.valid) return { verdict: 'start' };
  const left = complete
    ? (tries?.invalid ?? 0) < retryInvalid
    : retryOf(record) !== 'never' && (tries?.failed ?? 0) + attemptCost(record) <= retries;
  if (left) return { verdict: 'again' };
  if (starts > 0) return { verdict: 'complete' };
  const invalid = complete ? record.trialId : (tries?.invalidTrialId ?? null);
  if (invalid !== null) return { verdict: 'invalid', trialId: invalid };
  return { verdict: 'give-up', reason: reasonOf(record) };
}

function retryOf({ failure }: ResultHead): 'never' | 'elsewhere' | 'later' {
  return failure === null ? 'later' : FAILURES[failure.code].retry;
}

/** @returns 1 when a failed trial uses up an attempt, 0 when it does not. */
export function attemptCost(record: ResultHead): number {
  if (record.failure !== null && BLAMELESS.has(record.failure.code)) return 0;
  return retryOf(record) === 'elsewhere' ? 0 : 1;
}

/** @returns `code: sentence`. */
export function reasonOf(record: ResultHead): string {
  const failure = record.failure;
  return failure === null
    ? 'internal: the trial ended without a reason'
    : `${failure.code}: ${failure.message}`.slice(0, REASON_CHARACTERS);
}

/** @returns why only another node can help; null when this node may try again. */
export function elsewhereReason(record: ResultHead): string | null {
  const failure = record.failure;
  return failure !== null && FAILURES[failure.code].retry === 'elsewhere' ? reasonOf(record) : null;
}

/** What the starts of a point said, oldest first. */
export interface StartValues {
  readonly values: SettlingValues[];
  /** After one start, two, …: `widestHalf` of the starts up to there. */
  readonly halfWidths: (number | null)[];
}

/**
 * @param said null where the sweep asks for a fixed number of starts.
 * @returns whether a point with so many valid starts needs no other one.
 */
export function hasEnoughStarts(
  { startsPolicy, measure }: Pick<SweepView, 'startsPolicy' | 'measure'>,
  starts: number,
  said: StartValues | null,
): boolean {
  if (starts < startsPolicy.starts) return false;
  const { maxStarts } = startsPolicy;
  if (starts >= maxStarts || said === null) return true;
  return !anotherStart({ halfWidths: said.halfWidths, target: measure.halfWidth, maxStarts });
}

/**
 * Half width of the widest interval over these starts (Student's t of their logarithms, as they were
 * measured), as a share of its centre. Starts whose values are not known are left out.
 * @returns null where a metric has no interval.
 */
export function widestHalf(starts: readonly SettlingValues[], confidence: number): number | null {
  const telling = starts.filter((values) => Object.keys(values).length > 0);
  const widths = SETTLING_METRICS.flatMap((metric) => {
    const values = telling.flatMap((start) => start[metric] ?? []);
    if (values.length === 0) return [];
    if (values.length < telling.length) return [null];
    const interval = tInterval(values.map(Math.log), confidence);
    return [interval === null ? null : Math.sinh((interval[1] - interval[0]) / 2)];
  });
  return widths.length === 0 || widths.includes(null) ? null : Math.max(...widths.map((w) => w ?? 0));
}
