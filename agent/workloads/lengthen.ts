import { toFailure } from '../../core/errors.js';
import type { Awaitable } from '../../engines/runners/opened.js';
import type { WorkloadContext } from './workload.js';

/** The part of a repeat that one phase is, as work that can be done again at once. */
export interface LengthenedWork {
  readonly phase: 'energy-prefill' | 'energy-decode' | 'energy-kernel' | 'energy-infer';
  /** What it usually takes, as it was timed. */
  readonly seconds: number;
  readonly tokens: number;
  /** Puts things where the work can begin, and is awaited; not part of the window. */
  prepare(): unknown;
  /** Once, from where it can begin again. @returns false where getting there was work of its own. */
  runOnce(): Awaitable<boolean>;
}

/** Repeating may be a little faster than the timed repeats were. */
const MARGIN = 1.1;

/**
 * Gives the energy source windows that it can resolve: each phase that is shorter than
 * `context.minPhaseSeconds` is repeated without a pause until it is that long, a few times, after the timed
 * repeats. Phases that were long enough are left alone. Work that cannot be repeated by itself (a cache that
 * cannot be cut back, or is computed anew for it) is left out, and so are further windows that would pass the
 * sweep's budget of time: one of each phase there is, for without it there is no energy.
 * @param begunSeconds when the timed repeats began, for the budget.
 */
export async function lengthen(
  works: readonly LengthenedWork[],
  context: WorkloadContext,
  begunSeconds: number,
): Promise<void> {
  const { measure, minPhaseSeconds, now } = context;
  const windows = measure.energyWindows;
  const short = new Set(works.filter(({ seconds }) => seconds > 0 && seconds < minPhaseSeconds));
  for (let window = 0; window < windows; window++) {
    for (const work of short) {
      const times = Math.ceil((MARGIN * minPhaseSeconds) / work.seconds);
      const budget = (measure.maxSeconds ?? Number.POSITIVE_INFINITY) - (now() - begunSeconds);
      if (window > 0 && times * work.seconds > budget) return;
      if (!(await attempt(work, times, window, context))) short.delete(work);
      // Between windows as between repeats: the meters get a reading close to the end.
      if (await context.checkStop()) return;
    }
  }
}

/** @returns false when this model cannot do it. */
async function attempt(
  work: LengthenedWork,
  times: number,
  window: number,
  context: WorkloadContext,
): Promise<boolean> {
  try {
    await work.prepare();
    const start = context.now();
    for (let i = 0; i < times; i++) if (!(await work.runOnce())) return false;
    context.stamp(work.phase, window, start, context.now(), work.tokens * times, times);
    return true;
  } catch (error) {
    if (toFailure(error).code === 'model-unsupported') return false;
    throw error;
  }
}
