import { type Warning, warn } from '../../result/warnings.js';
import type { Evidence } from '../evidence.js';

/** A trial that computed on a second GPU too has energy that nobody read; null when it did not. */
export function energyElsewhere({ series }: Evidence): Warning | null {
  const gpus = series.get('otherDevicesUsed')?.values.reduce((max, count) => Math.max(max, count), 0) ?? 0;
  if (gpus === 0) return null;
  const others = gpus === 1 ? 'another GPU' : `${gpus} other GPUs`;
  return warn(
    'energy-elsewhere',
    `the trial's processes also computed on ${others}, whose energy was not read`,
  );
}
