import { FailureError } from '../../core/errors.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { Parallelism } from '../../core/work/pass/setting.js';
import type { Ceilings } from '../ceilings.js';
import type { Predictor } from '../step/predict-stages.js';
import type { ServingFit, ServingGoal } from './serving-goal.js';
import { placeServing } from './serving-place.js';
import { fewestDevices, splitsOf } from './split.js';

const LARGEST_BATCH = 4096;

/**
 * Finds how few devices of a kind meet a goal, and how they share the model: of the splits of that number
 * that meet it the one with the shortest time per token.
 * @param predictor whose measured operators say how long passes take; null = the goal's share of the
 *   ceilings.
 * @returns the first number that meets it, or the last one that is possible with what it lacks; null when
 *   none is possible.
 * @throws FailureError `impossible-combination` where the model cannot do what is asked, on whatever number
 */
export function fitServing(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  mostDevices: number,
  predictor: Predictor | null = null,
): ServingFit | null {
  let last: ServingFit | null = null;
  const fewest = fewestDevices(goal.split);
  for (let devices = fewest; devices <= mostDevices; devices *= 2) {
    const fit = bestOf(
      splitsOf(architecture, devices, goal.split).flatMap(
        (split) => attempt(architecture, ceilings, goal, split, predictor) ?? [],
      ),
    );
    if (fit === null) continue;
    if (fit.misses.length === 0)
      return { ...fit, largestBatch: largestBatch(architecture, ceilings, goal, fit, predictor) };
    last = fit;
  }
  return last;
}

/**
 * The split with the fewest unmet requirements, and among these the fastest; of two equal ones the first,
 * which has fewer stages.
 */
function bestOf(fits: readonly ServingFit[]): ServingFit | null {
  const order = (a: ServingFit, b: ServingFit) =>
    a.misses.length - b.misses.length || a.offload - b.offload || a.tokenSeconds - b.tokenSeconds;
  return [...fits].sort(order)[0] ?? null;
}

/** @returns null if the model cannot be split in this way. */
function attempt(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  split: Parallelism,
  predictor: Predictor | null,
): ServingFit | null {
  try {
    return placeServing(architecture, ceilings, goal, split, predictor);
  } catch (error) {
    if (error instanceof FailureError && Object.values(split).some((degree) => degree > 1)) return null;
    throw error;
  }
}

/** Memory and time per token grow with the batch, so bisection finds the limit. */
function largestBatch(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  { split, roomBytes }: ServingFit,
  predictor: Predictor | null,
): number {
  const meets = (batch: number) =>
    attempt(architecture, ceilings, { ...goal, batch }, split, predictor)?.misses.length === 0;
  // Without a bound there is no edge.
  if (roomBytes === null && goal.maxTokenSeconds === null) return goal.batch;
  let low = goal.batch;
  let high = LARGEST_BATCH;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (meets(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
