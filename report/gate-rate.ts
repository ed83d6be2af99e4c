import { formatPercent } from '../core/metrics/format.js';
import { studentQuantile } from '../statistics/distributions.js';
import { sorted } from '../statistics/quantile.js';
import type { Change, Comparison, Pair } from './compare.js';
import { type Gate, type GateOutcome, shown } from './gate.js';

/**
 * The level of each test of gates, so that the chance of a red one without any change is `falseAlarms` over
 * all of them: Holm has it over the experiments of a gate, what all experiments show together is a test of
 * its own, and gates share it out evenly (Bonferroni).
 */
export function levelOf(falseAlarms: number, gates: readonly Gate[], { overall }: Comparison): number {
  const together = gates.filter(({ metric }) => overall.some((change) => change.metric === metric));
  return falseAlarms / Math.max(1, gates.length + together.length);
}

/**
 * What gates can tell: how often they are red by accident, and which change they find in four of five
 * comparisons, in the experiment in the middle and in the worst one.
 * @returns no sentence where nothing that was measured in time is gated: bytes have no accident, and answers
 *   an interval of their own.
 */
export function rateSentences(
  falseAlarms: number,
  gates: readonly Gate[],
  outcomes: readonly GateOutcome[],
): string[] {
  const found = gates.flatMap((gate) => {
    const sizes = outcomes.flatMap(({ gate: text, detectable }) =>
      text === gate.text && detectable !== null ? [Math.abs(detectable)] : [],
    );
    if (sizes.length === 0) return [];
    const ordered = sorted(sizes);
    const [middle, worst] = [ordered[Math.floor((ordered.length - 1) / 2)]!, ordered.at(-1)!];
    const signed = (size: number) => shown(gate, Math.sign(gate.limit) * size);
    const most = sizes.length === 1 ? '' : ` (in all experiments ${signed(worst)})`;
    return [`${gate.text} finds ${signed(middle)}${most}`];
  });
  if (found.length === 0) return [];
  return [
    `without any change a gate is red in at most ${formatPercent(falseAlarms)} of such comparisons; in four of five ${found.join(', ')}`,
  ];
}

/** More starts of a row than a sweep takes. */
const MOST_STARTS = 30;

/**
 * @returns how many starts of each experiment would leave no gate undecided in four of five comparisons of
 *   one build with itself; null where no sweep takes so many, for what two sittings differ by does not
 *   average out.
 */
export function startsNeeded(
  gates: readonly Gate[],
  outcomes: readonly GateOutcome[],
  changes: readonly Change[],
  pairs: readonly Pair[],
): number | null {
  const needed = outcomes.flatMap(({ gate: text, label, outcome }) => {
    const gate = gates.find((one) => one.text === text);
    const change = changes.find((one) => one.label === label && one.metric === gate?.metric);
    const pair = pairs.find((one) => one.label === label);
    if (outcome !== 'undecided' || gate === undefined || change === undefined || pair === undefined)
      return [];
    const starts = Math.max(pair.a.starts.length, pair.b.starts.length);
    return startsOf(gate, change, starts) ?? [];
  });
  if (needed.length === 0) return null;
  const most = Math.max(...needed);
  return most <= MOST_STARTS ? most : null;
}

/**
 * Its interval has to end within the limit: half as wide as 95 % of both sides, and the estimate's own error
 * in four of five.
 */
function startsOf(
  { limit, relative }: Gate,
  { error, df, startsVariance, a }: Change,
  starts: number,
): number | null {
  const unit = relative ? 1 : a;
  if (error === null || df === null || startsVariance === null || unit === null || limit === 0) return null;
  if (1 + limit / unit <= 0) return null;
  const wanted =
    Math.abs(Math.log(1 + limit / unit)) / (studentQuantile(0.975, df) + studentQuantile(0.8, df));
  const left = wanted ** 2 - (error ** 2 - startsVariance);
  return left <= 0 ? Number.POSITIVE_INFINITY : Math.ceil((starts * startsVariance) / left);
}
