import type { SteadyState } from './steady-state.js';

/** Arrivals under which a server should come to rest. */
const EVEN: readonly unknown[] = ['closed', 'constant', 'poisson', 'gamma'];

/**
 * @param options of the workload.
 * @returns what speaks against one state of the server for the whole run, as words; null = nothing, or it was
 *   too short to tell.
 */
export function unsteadiness(
  { found, plateaus, shift, trends }: SteadyState,
  { arrival }: Readonly<Record<string, unknown>>,
): string | null {
  if (!EVEN.includes(arrival)) return null;
  if (shift !== null) {
    const by = `${(100 * Math.abs(shift.relativeChange)).toFixed(0)} %`;
    return `after a calm stretch the time per output token is ${by} ${shift.relativeChange > 0 ? 'longer' : 'shorter'}`;
  }
  const [p50, p90] = [trends.tpotP50, trends.tpotP90];
  const drifts = !found && plateaus.length === 0 && p50 === p90 && (p50 === 'up' || p50 === 'down');
  return drifts ? `the time per output token goes ${p50} all the time` : null;
}
