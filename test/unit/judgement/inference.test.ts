import { expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import type { InferenceRecord } from '../../../core/inference/record.js';
import { measured, reason, value } from './reading.js';
import { calmInput } from './trace.js';

const RUNS: InferenceRecord = {
  items: 8,
  inputs: [],
  outputs: [],
  runSeconds: [
    [0.1, 0.1, 0.2],
    [0.3, 0.3, 0.4],
  ],
};

const judgedRuns = (changes: Partial<InferenceRecord> = {}) =>
  judge({ ...calmInput(), inference: { ...RUNS, ...changes } });

test('a graph gives its items a second over the runs of each repeat, and the latency of one run', () => {
  const result = judgedRuns();
  // 24 items in 0.4 s, and in 1 s.
  expect(measured(result, 'itemsPerSecond').samples!.map((one) => Math.round(one))).toEqual([60, 24]);
  expect(measured(result, 'inferenceP50Seconds').samples).toEqual([0.1, 0.3]);
  expect(value(result, 'inferenceP99Seconds')).toBeGreaterThan(0.39);
  expect(value(result, 'inferenceP99Seconds')).toBeLessThanOrEqual(0.4);
});

test('tokens a second are those of texts; pictures have none, and say so', () => {
  const texts = judgedRuns({ tokens: 1000 });
  expect(measured(texts, 'itemTokensPerSecond').samples!.map((one) => Math.round(one))).toEqual([7500, 3000]);
  expect(reason(judgedRuns(), 'itemTokensPerSecond')).toBe('the items are no texts of tokens');
  expect(reason(judge(calmInput()), 'itemTokensPerSecond')).toBe('the workload runs no graph of tensors');
});

test('a graph that never ran has no latency, and no 0', () => {
  const result = judgedRuns({ runSeconds: [] });
  for (const name of ['itemsPerSecond', 'inferenceP50Seconds', 'inferenceP99Seconds'] as const)
    expect(reason(result, name)).toBe('the workload runs no graph of tensors');
});
