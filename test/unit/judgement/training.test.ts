import { describe, expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import type { Phase } from '../../../core/result/result.js';
import type { TrainingRecord } from '../../../core/training/record.js';
import { codes, judged, measured, reason, value } from './reading.js';
import { calmInput, experiment, recordOf, sampled } from './trace.js';

/** Steps of 2 s at 100 W above nothing; two of warm-up, six that are measured. */
const WATTS = 100;
const step = (name: 'warm-up' | 'train', repeat: number, startSeconds: number): Phase => ({
  name,
  repeat,
  startSeconds,
  endSeconds: startSeconds + 2,
  tokens: 512,
});
const PHASES: Phase[] = [
  { name: 'load', repeat: null, startSeconds: 0.5, endSeconds: 1.5, tokens: 0 },
  step('warm-up', 0, 2),
  step('warm-up', 1, 5),
  ...Array.from({ length: 6 }, (_, i) => step('train', i, 8 + 3 * i)),
];

const TRAINING: TrainingRecord = {
  method: 'lora',
  trainableParameters: 1000,
  baseParameters: 1_000_000,
  windows: 40,
  heldOutWindows: 4,
  sequencesPerStep: 4,
  windowTokens: 128,
  losses: [5, 4, 3, 2.5, 2.4, 2.3, 2.2, 2.1],
  evalBefore: 5.5,
  evalAfter: 2.5,
  stepSeconds: {
    whole: [9, 9, 2, 2, 2, 2, 2, 2],
    forward: [9, 9, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
    backward: [9, 9, 1, 1, 1, 1, 1, 1],
    optimizer: [9, 9, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25],
  },
  memory: { weights: 16, gradients: 2, optimizer: 4, activations: 30, inputs: 3 },
  made: { kind: 'adapter', digest: `sha256:${'0'.repeat(64)}`, bytes: 4096, parameters: 1000 },
};

const changes = {
  experiment: {
    ...experiment,
    runner: { kind: 'ggml', options: { threads: 2 } },
    workload: { kind: 'finetune', options: {} },
    device: 'cuda:h100',
  },
  phases: PHASES,
  tokenSeconds: [],
  outcome: { repeats: 6, warmups: 2, warmupSettled: true, stop: 'steps-done', halfWidth: 0.001 } as const,
  training: TRAINING,
  samples: [sampled('energyJoules:gpu', 'counter', (t) => WATTS * t, PHASES)],
  idleWatts: { gpu: 40 },
};

describe('a trial that trains', () => {
  const result = judged(changes);

  test('has its times from the steps after the warm-up', () => {
    expect(value(result, 'trainTokensPerSecond')).toBe(256);
    expect(measured(result, 'trainTokensPerSecond')).toMatchObject({ n: 6, unit: 'tokens/s' });
    expect(value(result, 'trainStepSeconds')).toBe(2);
    expect(value(result, 'forwardSeconds')).toBe(0.5);
    expect(value(result, 'backwardSeconds')).toBe(1);
    expect(value(result, 'optimizerSeconds')).toBe(0.25);
    // 4 windows, a million parameters, 2 s.
    expect(value(result, 'samplesPerParameterSecond')).toBeCloseTo(2e-6, 12);
  });

  test('has its losses from all steps', () => {
    expect(value(result, 'firstLoss')).toBe(5);
    expect(value(result, 'finalLoss')).toBe(2.1);
    expect(value(result, 'evalLoss')).toBe(2.5);
    expect(value(result, 'evalLossChange')).toBe(-3);
  });

  test('has its memory by what for', () => {
    expect(value(result, 'trainingWeightBytes')).toBe(16);
    expect(value(result, 'gradientBytes')).toBe(2);
    expect(value(result, 'optimizerBytes')).toBe(4);
    expect(value(result, 'activationBytes')).toBe(33);
    expect(value(result, 'trainedBytes')).toBe(4096);
    expect(value(result, 'trainableParameters')).toBe(1000);
  });

  test('has its energy from the steps: 200 J each, of which 80 J are idle', () => {
    expect(value(result, 'energyJoules')).toBeCloseTo(200, 6);
    expect(value(result, 'energyNetJoules')).toBeCloseTo(120, 6);
    expect(value(result, 'energyPerTotalTokenJoules')).toBeCloseTo(200 / 512, 6);
    expect(value(result, 'averagePowerWatts')).toBeCloseTo(WATTS, 6);
  });

  test('says why it has no numbers of generation', () => {
    expect(reason(result, 'prefillTokensPerSecond')).toBe('the workload has no prefill phase');
    expect(reason(result, 'energyPerOutputTokenJoules')).toBe('the workload generates no tokens');
  });

  test('is judged the same from its record', () => {
    const input = calmInput(changes);
    expect(judge(recordOf(input) as typeof input).measurements).toEqual(result.measurements);
  });

  test('doubts steps that differ more than the policy allows', () => {
    const uneven = PHASES.map((phase) =>
      phase.name === 'train'
        ? { ...phase, endSeconds: phase.startSeconds + (phase.repeat! % 2 ? 1 : 2) }
        : phase,
    );
    expect(codes(judged({ ...changes, phases: uneven }))).toContain('high-spread');
  });

  test('has no loss on what was not held out', () => {
    const training = { ...TRAINING, evalBefore: null, evalAfter: null, heldOutWindows: 0 };
    expect(reason(judged({ ...changes, training }), 'evalLoss')).toBe('no part of the text was held out');
  });
});
