import { ENERGY } from '../../../report/column-sets.js';
import type { Change, Pair } from '../../../report/compare.js';
import type { Gate, GateOutcome } from '../../../report/gate.js';
import { usageError } from '../../exit.js';
import type { Asked } from './again.js';
import { secondsOfTrial } from './side.js';

interface Compared {
  readonly pairs: readonly Pair[];
  readonly changes: readonly Change[];
  readonly gates: readonly Gate[];
  readonly outcomes: readonly GateOutcome[];
  /** What is shown of each experiment. */
  readonly main: readonly string[];
  /** Whether the words of the command chose rows. */
  readonly chosen: boolean;
}

/**
 * @returns the rows that are to be measured again, the cheapest first: those that a gate leaves undecided, or
 *   without gates those that were chosen.
 * @throws CommandError (2) where nothing says which.
 */
export function askedAgain({ pairs, changes, gates, outcomes, main, chosen }: Compared): Asked[] {
  if (gates.length === 0 && !chosen && pairs.length > 1) {
    throw usageError(
      '--again measures what a gate leaves undecided, or rows that you choose',
      'Give a --gate, or choose rows: before#3 after#3.',
    );
  }
  const asked = pairs.flatMap((pair): Asked[] => {
    const timed = (metric: string) =>
      changes.some(
        (change) =>
          change.label === pair.label && change.metric === metric && change.p !== null && !ENERGY.has(metric),
      );
    const open = gates.filter(
      ({ metric, text }) =>
        timed(metric) &&
        outcomes.some(
          ({ gate, label, outcome }) => gate === text && label === pair.label && outcome === 'undecided',
        ),
    );
    if (gates.length > 0 && open.length === 0) return [];
    const metrics = [...new Set([...open.map(({ metric }) => metric), ...main.filter(timed)])];
    return metrics.length === 0 ? [] : [{ pair, metrics, gates: open }];
  });
  return asked.sort((one, other) => secondsOf(one.pair) - secondsOf(other.pair));
}

/** What a start of both sides took. */
function secondsOf({ a, b }: Pair): number {
  return [a, b]
    .map(({ starts }) => {
      const seconds = starts.map(secondsOfTrial);
      return seconds.reduce((sum, value) => sum + value, 0) / Math.max(1, seconds.length);
    })
    .reduce((sum, value) => sum + value, 0);
}
