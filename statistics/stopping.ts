import { relativeHalfWidth } from './interval.js';
import { cv } from './summary.js';

/** Number of last rounds that must agree for a warm-up to have settled. */
const WARMUP_ROUNDS = 3;

/** `steps-done` is the reason of workloads that do a fixed number of steps. */
export type StopReason = 'interval-narrow' | 'max-repeats' | 'time-budget' | 'steps-done' | 'load-done';

/** When repeating is enough; part of a sweep's `measure`. */
export interface StoppingPolicy {
  readonly confidence: number;
  /** Half width of the interval as a share of the mean. */
  readonly halfWidth: number;
  readonly minRepeats: number;
  readonly maxRepeats: number;
  /** null = no budget. */
  readonly maxSeconds: number | null;
}

export interface StoppingState {
  readonly policy: StoppingPolicy;
  /** One value per finished repeat for each metric that must settle (prefill and decode tokens/s). */
  readonly samplesByMetric: Readonly<Record<string, readonly number[]>>;
  /** Seconds since the first repeat began. */
  readonly elapsedSeconds: number;
}

export interface StoppingDecision {
  /** `continue`, or why to stop. */
  readonly decision: 'continue' | StopReason;
  /** Worst relative half width over the metrics; null with fewer than two repeats. */
  readonly halfWidth: number | null;
}

/**
 * Decides after each repeat whether to run another. Stops, in this order: when the worst interval is narrow
 * enough, at maxRepeats, when the time budget is spent or one more repeat of average length would pass it.
 * Before minRepeats only a spent budget stops.
 *
 * Stopping on the width of the interval is Chow & Robbins' sequential procedure (Annals of Mathematical
 * Statistics 36, 1965): coverage is right in the limit and a little low for very few repeats, which is why
 * minRepeats exists.
 */
export function shouldStop(state: StoppingState): StoppingDecision {
  const { policy, elapsedSeconds } = state;
  const metrics = Object.values(state.samplesByMetric);
  const repeats = metrics.length === 0 ? 0 : Math.min(...metrics.map((m) => m.length));
  const widths = metrics.map((m) => relativeHalfWidth(m, policy.confidence));
  const halfWidth =
    widths.length === 0 || widths.includes(null) ? null : Math.max(...widths.map((w) => w ?? 0));
  const stop = (decision: StoppingDecision['decision']): StoppingDecision => ({ decision, halfWidth });

  const budget = policy.maxSeconds ?? Infinity;
  if (repeats > 0 && elapsedSeconds >= budget) return stop('time-budget');
  if (repeats < policy.minRepeats) return stop('continue');
  if (halfWidth !== null && halfWidth <= policy.halfWidth) return stop('interval-narrow');
  if (repeats >= policy.maxRepeats) return stop('max-repeats');
  if (repeats > 0 && (elapsedSeconds * (repeats + 1)) / repeats > budget) return stop('time-budget');
  return stop('continue');
}

/** When warming up is enough; part of a sweep's `measure`. */
export interface WarmupPolicy {
  readonly maxWarmups: number;
  /** Spread (cv) of the last rounds at or below which they have settled. */
  readonly warmupSpread: number;
  /**
   * Time budget of the repeats that follow. Warming up takes at most half of it, except that the first round
   * always runs. null = no budget.
   */
  readonly maxSeconds: number | null;
}

/**
 * @param rounds one value per warm-up round, in order.
 * @param elapsedSeconds time since the first of them began.
 * @returns whether to run another, and whether they have settled.
 */
export function warmingUp(
  rounds: readonly number[],
  elapsedSeconds: number,
  { maxWarmups, warmupSpread, maxSeconds }: WarmupPolicy,
): { readonly another: boolean; readonly settled: boolean } {
  const { length } = rounds;
  const settled = maxWarmups === 0 || warmupSettled(rounds, warmupSpread);
  // Whether one more round of average length would exceed the budget.
  const inTime = length === 0 || (elapsedSeconds * (length + 1)) / length <= (maxSeconds ?? Infinity) / 2;
  return { another: !settled && length < maxWarmups && inTime, settled };
}

/**
 * @param samples one value per warm-up round, in order.
 * @returns true when the last three rounds have a cv of at most `spread`.
 */
export function warmupSettled(samples: readonly number[], spread: number): boolean {
  if (samples.length < WARMUP_ROUNDS) return false;
  const last = cv(samples.slice(-WARMUP_ROUNDS));
  return last !== null && last <= spread;
}
