import { expect, test } from 'vitest';
import type { ResultRecord } from '../../../core/result/result.js';
import { noiseOf } from '../../../judgement/noise.js';
import { completeTrial } from '../../support/records.js';

/** Blocks of starts that are slower by these factors. */
const blocksOf = (factors: readonly (readonly number[])[]): ResultRecord[][] =>
  factors.map((starts, block) =>
    starts.map((slower, i) => completeTrial({ slower, block, repeats: 5, attempt: i + 1 })),
  );

const decodeOf = (blocks: ResultRecord[][]) =>
  noiseOf(blocks).metrics.find(({ metric }) => metric === 'decodeTokensPerSecond')!;

test('starts that differ by some percent show it between starts, and say what can be seen', () => {
  const found = decodeOf(blocksOf([1.06, 1, 0.94, 1.05, 0.96].map((f) => [f, 2 - f])));
  const { within, betweenStarts, betweenBlocks } = found.components;
  expect(within.sd).toBeLessThan(0.03);
  expect(betweenStarts.sd).toBeGreaterThan(0.05);
  expect(betweenStarts.sd).toBeLessThan(0.1);
  expect(betweenBlocks.sd).toBe(0);

  const [three, five, eight] = found.detectable.map(({ difference }) => difference.value!);
  expect(three).toBeGreaterThan(five!);
  expect(five).toBeGreaterThan(eight!);
  // √2 standard errors of eight starts each, times the quantiles of t for 5 % and 80 %.
  expect(Math.log1p(eight!)).toBeCloseTo((2.16 + 0.87) * Math.SQRT2 * (betweenStarts.sd! / Math.sqrt(8)), 2);

  const needed = found.wanted.starts.value!;
  expect(needed).toBeGreaterThan(8);
  expect(needed).toBeLessThan(400);
});

test('what comes and goes with time is in the blocks', () => {
  const { components } = decodeOf(
    blocksOf([
      [1, 1.001],
      [1.2, 1.201],
      [1, 1.001],
      [1.2, 1.201],
    ]),
  );
  expect(components.betweenBlocks.sd).toBeGreaterThan(0.08);
  expect(components.betweenStarts.sd).toBeLessThan(0.01);
});

test('a calm machine sees 2 % with a few starts; every start counts and metrics that were not timed are left out', () => {
  const blocks = blocksOf([
    [1, 1.0005],
    [1, 0.9995],
    [1.0005, 1],
  ]);
  blocks[0]![0] = { ...blocks[0]![0]!, valid: false };
  const noise = noiseOf(blocks);
  expect(noise).toMatchObject({ starts: 6, blocks: 3, repeats: 5 });
  // Of six starts three are free, the others make the means of their blocks; one start is taken for one.
  expect(noise.spreadError).toBeCloseTo(1 / Math.sqrt(2 * 3), 12);
  expect(noiseOf(blocksOf([[1], [1.01]])).spreadError).toBeCloseTo(1 / Math.sqrt(2), 12);
  expect(noise.metrics.map(({ metric }) => metric)).toEqual([
    'decodeTokensPerSecond',
    'prefillTokensPerSecond',
  ]);
  expect(noise.metrics[0]!.wanted.starts.value).toBeLessThan(10);
});
