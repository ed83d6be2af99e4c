import { expect, test } from 'vitest';
import { coversMost } from '../../../judgement/coverage.js';
import { distantCores, disturbances, leastCoreShare, sharedCores } from '../../../judgement/disturbance.js';

/* What is exactly at a limit is within it. */

const MORE = 2 ** -40;
const codes = (warnings: readonly { readonly code: string }[]) => warnings.map(({ code }) => code);

test('cores may be shared as much as time may be stolen, and a twentieth in any case', () => {
  expect([leastCoreShare({ maxStealRatio: 0.01 }), leastCoreShare({ maxStealRatio: 0.25 })]).toEqual([
    0.95, 0.75,
  ]);
  const shared = (share: number | null) => codes(sharedCores(share, { maxStealRatio: 0.25 }));
  expect([0.75, null].map(shared)).toEqual([[], []]);
  expect(shared(0.75 - MORE)).toEqual(['shared-core']);
});

test('cores may lie as far from each other as the policy says', () => {
  const distant = (ratio: number | null) => codes(distantCores(ratio, { maxCoreLatencyRatio: 2 }));
  expect([2, null].map(distant)).toEqual([[], []]);
  expect(distant(2 + MORE)).toEqual(['distant-cores']);
});

test('others may use what the policy allows, and what counters cannot resolve is forgiven in a short window alone', () => {
  const limits = { maxForeignCores: 0.25, maxStealRatio: 0.25, maxCoreLatencyRatio: 2 };
  const found = (seconds: number, foreignCores: number | null, stealCores: number | null) =>
    codes(disturbances({ seconds, foreignCores, stealCores, totalCores: 2 }, limits));
  // So long that no tick matters.
  const LONG = 2 ** 60;
  expect(found(LONG, 0.25, 0.5)).toEqual([]);
  expect(found(LONG, 0.25 + MORE, 0.5)).toEqual(['foreign-process']);
  expect(found(LONG, 0.25, 0.5 + MORE)).toEqual(['cpu-steal']);
  expect(found(LONG, null, null)).toEqual([]);
  // Ticks of a tenth of a second, and of a fiftieth.
  expect(found(0.1, 1.2, 0.6)).toEqual([]);
  expect(found(0.1, 1.3, 0.8)).toEqual(['foreign-process', 'cpu-steal']);
});

test('readings of four fifths of a window speak for it', () => {
  const window = { startSeconds: 0, endSeconds: 10 };
  const until = (end: number) => {
    const of = { meter: 'm', quantity: 'q', kind: 'gauge', periodSeconds: 1 } as const;
    const repairs = { dropped: 0, averaged: 0, reordered: 0 };
    return coversMost({ ...of, repairs, seconds: [0, end], values: [1, 1] }, window);
  };
  expect([8, 8 - MORE].map(until)).toEqual([true, false]);
});
