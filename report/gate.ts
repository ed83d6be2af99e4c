import { type Reading, refused } from '../core/input/reading.js';
import { nearest } from '../core/input/suggest.js';
import { METRIC_NAMES, metricMeant } from '../core/metrics/catalogue.js';
import { studentQuantile } from '../statistics/distributions.js';
import type { Interval } from '../statistics/interval.js';
import type { Change, Comparison } from './compare.js';
import { ratioIntervalText, spansOrders } from './scale.js';

/** How far a metric of B may be from A: `decodeTokensPerSecond:-5%` = at most 5 % below. */
export interface Gate {
  readonly text: string;
  readonly metric: string;
  /** Signed: a negative limit is a floor, a positive one a ceiling. */
  readonly limit: number;
  /** The limit is a share of A, and not a difference in the metric's unit. */
  readonly relative: boolean;
}

/**
 * @returns the gate of `METRIC:-5%` or `METRIC:+0.02`, the metric by its name or its column's head; or what
 *   is wrong with it.
 */
export function readGate(text: string): Reading<Gate> {
  const [, named = '', sign = '', number = '', percent = ''] =
    /^([A-Za-z0-9][A-Za-z0-9 -]*):([+-])(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  if (named === '') {
    return refused(
      `${JSON.stringify(text)} is no gate: write a metric and how far it may move, such as decodeTokensPerSecond:-5% or perplexity:+0.2`,
    );
  }
  const metric = metricMeant(named)?.name;
  if (metric === undefined) {
    const guess = nearest(named, METRIC_NAMES);
    return refused(`there is no metric ${named}${guess === null ? '' : `: did you mean ${guess}?`}`);
  }
  const relative = percent === '%';
  const limit = (sign === '-' ? -1 : 1) * Number(number) * (relative ? 0.01 : 1);
  return { ok: true, value: { text, metric, limit, relative } };
}

/** What became of a gate at one experiment. */
export interface GateOutcome {
  readonly gate: string;
  readonly label: string;
  /**
   * `red`: the change is beyond the limit and surely one, or B failed where A did not. `green`: the worse end
   * of its interval is within the limit. `undecided`: neither, for noise or for want of numbers.
   */
  readonly outcome: 'red' | 'green' | 'undecided';
  /** What decides, in one sentence. */
  readonly sentence: string;
  /**
   * The smallest change, in the unit of the limit, that would be red in four of five such comparisons; null
   * for what is not tested, and where no change is that large.
   */
  readonly detectable: number | null;
}

/**
 * A gate is asked at every commit, and is red without any change in at most so many of them, all gates and
 * experiments together.
 */
export const FALSE_ALARMS = 0.01;

/**
 * Holds the changes of a gate's metric against its limit, experiment by experiment; what all of them show
 * together is told where it is red, for what the others are each of them says itself.
 * @param level chance that any experiment of the gate is red without a change, and that all of them together
 *   are (`levelOf`).
 */
export function judgeGate(
  gate: Gate,
  { changes, overall }: Comparison,
  level: number = FALSE_ALARMS,
): GateOutcome[] {
  const isOfGate = ({ metric }: Change) => metric === gate.metric;
  const tested = changes.filter((change) => isOfGate(change) && change.p !== null).length;
  const outcomeOf = (change: Change, tests: number): GateOutcome => {
    const [outcome, what] = judged(gate, change, level);
    const sentence = `${gate.text}: ${change.label}: ${what}`;
    const detectable = detectableIn(gate, change, level / tests);
    return { gate: gate.text, label: change.label, outcome, sentence, detectable };
  };
  const each = changes.filter(isOfGate).map((change) => outcomeOf(change, Math.max(1, tested)));
  const together = overall.filter(isOfGate).map((change) => outcomeOf(change, 1));
  return [...each, ...together.filter(({ outcome }) => outcome === 'red')];
}

/** Undecided experiments that are told one by one. */
const MOST_TOLD = 3;

/**
 * @returns what came of gates, for people: every red experiment, some of those that are undecided, and how
 *   many there are.
 */
export function gateSentences(outcomes: readonly GateOutcome[]): string[] {
  const outcomesThatAre = (outcome: GateOutcome['outcome']) =>
    outcomes.filter((one) => one.outcome === outcome);
  const [red, undecided, green] = [
    outcomesThatAre('red'),
    outcomesThatAre('undecided'),
    outcomesThatAre('green'),
  ];
  const more = undecided.length - MOST_TOLD;
  return [
    ...red.map(({ sentence }) => `gate red: ${sentence}`),
    ...undecided.slice(0, MOST_TOLD).map(({ sentence }) => `gate undecided: ${sentence}`),
    ...(more > 0 ? [`gate undecided: ${more} more (--json has all)`] : []),
    ...(outcomes.length > 1
      ? [`gates: ${red.length} red, ${undecided.length} undecided, ${green.length} green`]
      : green.map(({ sentence }) => `gate green: ${sentence}`)),
  ];
}

function judged(gate: Gate, change: Change, level: number): readonly [GateOutcome['outcome'], string] {
  const { verdict, reason, interval, states, p } = change;
  if (states[0] !== 'failed' && states[1] === 'failed') return ['red', 'failed in B alone'];
  const moved = movedIn(gate, change);
  if (verdict === 'missing' || moved === null) return ['undecided', reason ?? 'nothing to compare'];
  const isBeyond = (amount: number) => (gate.limit < 0 ? amount < gate.limit : amount > gate.limit);
  const changed = `changed by ${shown(gate, moved.by)}`;
  const movedText = moved.ends === null ? changed : `${changed} [${endsText(gate, change, moved.ends)}]`;
  const isFind = verdict === 'better' || verdict === 'worse';
  // A gate is red in one direction only, and p counts both: half of it is the gate's.
  const isSure = p === null ? isFind : p / 2 < level;
  if (isBeyond(moved.by) && isSure) return ['red', movedText];
  // A number without a spread is compared as it is; otherwise the worse end of its interval decides.
  const exact = interval === null && (isFind || verdict === 'same');
  const ends = moved.ends ?? (exact ? [moved.by] : null);
  if (ends !== null && !ends.some(isBeyond)) return ['green', movedText];
  if (ends === null) return ['undecided', `${movedText}: ${reason}`];
  return [
    'undecided',
    `${movedText}: ${isBeyond(moved.by) ? 'beyond the limit, which may be chance' : 'its interval reaches beyond the limit'}`,
  ];
}

/** @returns the ends in the form of the limit; of a ratio that spans orders of magnitude only that. */
function endsText(gate: Gate, { kind, interval }: Change, ends: Interval): string {
  if (kind === 'ratio' && interval !== null && spansOrders(interval)) return ratioIntervalText(interval);
  return ends.map((amount) => shown(gate, amount)).join(', ');
}

/**
 * @returns by how much the gate's metric moved, in the unit of its limit, and between which ends; null
 *   without a number.
 */
function movedIn(
  { relative }: Gate,
  { a, b, kind, change, interval }: Change,
): { readonly by: number; readonly ends: Interval | null } | null {
  // What all rows together show is a ratio without numbers of its own.
  const isShare = relative && kind === 'ratio' && change !== null;
  if ((a === null || b === null) && !isShare) return null;
  // A limit in the other form than the change is: shares of a difference, or differences of a ratio.
  const inGateForm = (value: number) => {
    if (kind === 'ratio') return relative ? value - 1 : a! * (value - 1);
    return relative ? value / a! : value;
  };
  const [low, high] = interval ?? [];
  const ends =
    low === undefined || high === undefined ? null : ([inGateForm(low), inGateForm(high)] as const);
  if (change === null) return relative && a === 0 ? null : { by: relative ? b! / a! - 1 : b! - a!, ends };
  return { by: inGateForm(change), ends };
}

const POWER = 0.8;

/**
 * A change is red where it is told from none and its estimate is beyond the limit; in four of five
 * comparisons it is, if it lies as far from both.
 * @param level of this experiment among those of its gate: of the first, Holm asks as much as Bonferroni.
 */
function detectableIn(gate: Gate, { error, df, a, kind }: Change, level: number): number | null {
  if (error === null || df === null || kind !== 'ratio') return null;
  const unit = gate.relative ? 1 : a;
  if (unit === null || 1 + gate.limit / unit <= 0) return null;
  const limit = Math.abs(Math.log(1 + gate.limit / unit));
  const power = studentQuantile(POWER, df) * error;
  const size = power + Math.max(limit, studentQuantile(1 - level, df) * error);
  return (Math.exp(Math.sign(gate.limit) * size) - 1) * unit;
}

/** @returns a change as a gate's limit has it: `-5.2 %`, `+0.21`. */
export function shown({ relative }: Gate, by: number): string {
  return `${by > 0 ? '+' : ''}${relative ? `${(by * 100).toFixed(1)} %` : Number(by.toPrecision(3))}`;
}
