import { type LeaseState, paceOf, queueOf, type SchedulerState, type SweepState } from './state.js';
import { sweepStatus } from './status.js';

/** The time that whoever submitted a sweep has promised for it. */
export interface Budget {
  readonly seconds: number;
  /** Monotonic seconds of its first lease since it was submitted; null before. */
  beganAt: number | null;
  /** Not all starts fitted into it once: further ones stay short. */
  short: boolean;
}

/**
 * How much time is left for further starts of a sweep, at the pace of its newest trials: enough for all of
 * them; not for all (`short`); or for none (`over`), so that points keep the starts that they have. First
 * starts are always given.
 */
export type TimeLeft = 'enough' | 'short' | 'over';

/** Of a short start: the fewest that say how far they differ. */
export const SHORT_REPEATS = 2;

/** Why a point that has starts gets no other. */
export const OUT_OF_TIME = 'out-of-time: the time that was promised for the sweep is over';

/**
 * @returns the trials of further starts and of controls that still run when the time of their sweep is over.
 *   First starts and new answers are let finish.
 */
export function overdue(state: SchedulerState, now: number): LeaseState[] {
  return [...state.leases.values()].filter(({ sweepId, queue, position, purpose }) => {
    const sweep = state.sweeps.get(sweepId);
    if (sweep?.budget?.beganAt == null || now < sweep.budget.beganAt + sweep.budget.seconds) return false;
    if (purpose === 'quality') return false;
    return purpose === 'control' || queueOf(sweep, queue).starts.countOf(position) > 0;
  });
}

/** @param now monotonic seconds, of the coordinator. */
export function timeLeft(state: SchedulerState, sweep: SweepState, now: number): TimeLeft {
  const { budget } = sweep;
  const pace = paceOf(sweep);
  if (budget === null || budget.beganAt === null || pace === null) return 'enough';
  const left = budget.beganAt + budget.seconds - now;
  if (left < pace) return 'over';
  if (budget.short) return 'short';
  // Those that run now go on beside the one that asks.
  const running = [...state.leases.values()].filter(({ sweepId }) => sweepId === sweep.view.sweepId).length;
  return left < (pace * sweepStatus(sweep).trialsLeft) / (running + 1) ? 'short' : 'enough';
}
