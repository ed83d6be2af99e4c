import { formatPercent } from '../../core/metrics/format.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { differenceShown } from '../../judgement/noise.js';
import type { ThisNode } from '../this-node.js';

/** What the starts of a sweep can show on this machine, as far as a look at its noise tells. */
export interface PlannedNoise {
  readonly deviceId: string;
  /** Of the look, and what it measured. */
  readonly measuredAt: string;
  readonly what: string;
  /** Of each row. */
  readonly starts: number;
  /**
   * By metric: the smallest difference of two rows that is found in 80 % of comparisons, each read alone, as
   * a share.
   */
  readonly differences: Readonly<Record<string, number>>;
}

/**
 * @returns null where no noise of a device of the sweep is stored, or its starts show nothing: one alone does
 *   not.
 */
export async function plannedNoise(
  { placement, startsPolicy: { starts } }: Sweep,
  { profile, noise }: ThisNode,
): Promise<PlannedNoise | null> {
  for (const { id, classes } of profile.devices) {
    if (!classes.some((name) => placement.devices.includes(name))) continue;
    const stored = await noise.find(id);
    if (stored === null) continue;
    const differences = stored.metrics.flatMap(({ metric, components }) => {
      const { value } = differenceShown(components, starts, stored.repeats);
      return value === null ? [] : [[metric, value] as const];
    });
    if (differences.length === 0) continue;
    const { measuredAt, what } = stored;
    return { deviceId: id, measuredAt, what, starts, differences: Object.fromEntries(differences) };
  }
  return null;
}

/** One line of a plan. */
export function noiseLine({ starts, differences, measuredAt, what }: PlannedNoise): string {
  const shown = Object.entries(differences).map(([metric, share]) => `${formatPercent(share)} of ${metric}`);
  return `  noise: ${starts} starts of two rows show a difference of ${shown.join(', ')} in 80 % of comparisons, each read alone, by \`ridge doctor --noise\` of ${measuredAt.slice(0, 10)} (${what})`;
}
