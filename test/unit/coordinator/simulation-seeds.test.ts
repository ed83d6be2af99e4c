import { describe, expect, test } from 'vitest';
import { simulate } from '../../bench/simulate/run.js';

/** A few histories of `npm run bench -- simulate`, and those by which a bug of ours was found. */
const SEEDS: readonly { readonly seed: number; readonly name: string }[] = [
  { seed: 1, name: 'leaders stop, a node is cut off for 19 s, the store stalls, sweeps are paused' },
  { seed: 3, name: 'as the seed has it' },
];

describe('coordinators in a simulated world', () => {
  test.each(SEEDS)('seed $seed: $name', async ({ seed }) => {
    const { violations, results } = await simulate(seed);
    expect(violations).toEqual([]);
    expect(results).toBeGreaterThanOrEqual(8);
  });

  test('a history that is broken is told as such', async () => {
    const { violations } = await simulate(1, { earlyAcknowledgement: true, noDedup: true });
    expect(violations.length).toBeGreaterThan(0);
  });

  test('a device that is idle while somebody may use it is a fault', async () => {
    const { violations } = await simulate(13, { keptBlock: true });
    expect(violations[0]).toMatch(/leaves n\d idle though the namespace default may use it/);
  });
});
