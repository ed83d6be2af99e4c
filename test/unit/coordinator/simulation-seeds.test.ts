import { describe, expect, test } from 'vitest';
import { simulate } from '../../bench/simulate/run.js';

/** A few histories of `npm run bench -- simulate`, and those by which a bug of ours was found. */
const SEEDS: readonly { readonly seed: number; readonly name: string }[] = [
  { seed: 1, name: 'a leader stops for 13 s, a standby is cut off, the store stalls' },
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
});
