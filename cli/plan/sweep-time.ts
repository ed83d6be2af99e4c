import { FEW_EXPERIMENTS } from '../../coordinator/scheduler/block-allocator.js';
import { experimentAt } from '../../core/sweep/expand.js';
import type { Space } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';
import type { TimeEstimator } from './estimate.js';

/** Most experiments that are estimated one by one; each takes milliseconds. */
const MOST_ESTIMATED = 200;

/** How long a whole sweep takes on one device of this machine. */
export interface SweepTime {
  /** With the fewest rounds that the measurement policy allows, and with the most; null with the reason in `absent`. */
  readonly seconds: { readonly least: number; readonly most: number } | null;
  readonly absent: string | null;
  /** What it was estimated by, in words; null where it was not. */
  readonly how: string | null;
  /** It stands on what roofs allow, which no engine reaches. */
  readonly atLeast: boolean;
}

/** Adds up the trials of a sweep, every start of every experiment and the drift controls of each block. */
export function sweepTime(sweep: Sweep, space: Space, { estimate, basis }: TimeEstimator): SweepTime {
  const taken = Math.min(space.count, MOST_ESTIMATED);
  const none = (absent: string): SweepTime => ({ seconds: null, absent, how: null, atLeast: false });
  if (taken === 0) return none('no experiment can run');
  let [least, most, atLeast] = [0, 0, false];
  for (let i = 0; i < taken; i++) {
    const trial = estimate(experimentAt(space, Math.floor((i * space.count) / taken)));
    if (typeof trial === 'string') return none(trial);
    least += trial.least;
    most += trial.most;
    atLeast ||= trial.by === 'roofs';
  }
  const trials = trialsOf(sweep, space.count) / taken;
  const by = atLeast ? `${basis} alone (\`ridge factors\` makes it a prediction)` : `${basis}, with factors`;
  const some = taken === space.count ? '' : `, from ${taken} of the experiments`;
  return {
    seconds: { least: least * trials, most: most * trials },
    absent: null,
    how: `${by}${some}`,
    atLeast,
  };
}

/** Passes over the sweep are blocks of their own. */
function trialsOf({ placement, repetition }: Sweep, points: number): number {
  const { driftControl, blockSize } = placement;
  const controls = driftControl && points > FEW_EXPERIMENTS ? 2 * Math.ceil(points / blockSize) : 0;
  return repetition.starts * (points + controls);
}
