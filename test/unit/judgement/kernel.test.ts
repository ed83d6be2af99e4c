import { describe, expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import { calmInput, experiment, sampled, type TrialChanges } from './trace.js';

const KERNEL: NonNullable<TrialChanges['kernel']> = {
  op: 'attention-decode',
  variant: 'packed',
  type: 'f16',
  shape: {},
  threads: 2,
  cache: 'cold',
  flops: 4e9,
  bytes: 1e9,
  sets: 2,
  memoryBytes: 2e9,
  facts: {},
  check: { error: 0.1, compared: 8, of: 8 },
  callSeconds: [
    [0.1, 0.02, 0.02],
    [0.02, 0.02, 0.03],
    [0.025, 0.025, 0.025],
  ],
};
const bandwidth = (level: 'L3' | 'memory', bytesPerSecond: number) =>
  ({ level, access: 'read', threads: 2, bytesPerSecond }) as const;
const ROOFS: NonNullable<TrialChanges['roofs']> = {
  id: '0123456789abcdef',
  measuredAt: '2026-11-25T12:00:00.000Z',
  bandwidth: [bandwidth('memory', 100e9), bandwidth('L3', 400e9)],
  compute: [{ arithmetic: 'f32', unit: 'vector', threads: 2, flopsPerSecond: 500e9 }],
  launchSeconds: null,
  links: [],
  warnings: [],
  caveats: [],
};
const CALLING: TrialChanges['experiment'] = {
  ...experiment,
  runner: { kind: 'kernels', options: { threads: 2 } },
  workload: { kind: 'kernel', options: { op: 'attention-decode' } },
};
const judged = (changes: Partial<TrialChanges>) =>
  judge(calmInput({ kernel: KERNEL, experiment: CALLING, ...changes })).measurements;

describe('an op', () => {
  test('is quoted by the median of each repeat: time, bytes and operations', () => {
    const { kernelSeconds, achievedBytesPerSecond, achievedFlopsPerSecond } = judged({});
    expect(kernelSeconds).toMatchObject({ value: 0.02, unit: 's', samples: [0.02, 0.02, 0.025] });
    expect(achievedBytesPerSecond).toMatchObject({ value: 50e9, unit: 'B/s' });
    expect(achievedFlopsPerSecond).toMatchObject({ value: 200e9, unit: 'FLOP/s' });
  });

  test('stands under what is longer, its bytes or its FLOPs', () => {
    // 1 GB at 100 GB/s are 10 ms, 4 GFLOP at 500 GFLOP/s are 8.
    expect(judged({ roofs: ROOFS }).kernelRoofRatio!.value).toBeCloseTo(0.5, 12);
    const more = { ...KERNEL, flops: 8e9 };
    expect(judged({ roofs: ROOFS, kernel: more }).kernelRoofRatio!.value).toBeCloseTo(0.8, 12);
  });

  test('of another release keeps its times, and has no place that this one could tell', () => {
    const { kernelSeconds, kernelRoofRatio } = judged({
      roofs: ROOFS,
      kernel: { ...KERNEL, variant: 'gone' },
    });
    expect(kernelSeconds!.value).toBe(0.02);
    expect(kernelRoofRatio).toMatchObject({
      value: null,
      reason: 'this release has no op attention-decode/gone',
    });
  });

  test('has a bound, and the roofs alone predict it', () => {
    const input = (changes: Partial<TrialChanges>) =>
      judge(
        calmInput({
          kernel: KERNEL,
          roofs: ROOFS,
          experiment: CALLING,
          ...changes,
        }),
      ).roofline?.phases[0];
    expect(input({})).toMatchObject({ name: 'call', bound: 'memory', boundLevel: 'memory', bytes: null });
    expect(input({})!.predictedSeconds).toBeCloseTo(0.01, 12);
    expect(input({ kernel: { ...KERNEL, flops: 8e9 } })).toMatchObject({
      bound: 'compute',
      boundLevel: 'f32',
    });
    expect(input({ kernel: { ...KERNEL, cache: 'warm', flops: 1e6 } })).toMatchObject({
      boundLevel: 'L3',
      bandwidth: { level: 'L3', bytesPerSecond: 400e9 },
    });
  });

  test('has the energy of a repeat over its calls', () => {
    const calls = 10;
    const phases = calmInput()
      .phases.filter(({ name }) => name !== 'decode')
      .map((phase) =>
        phase.name === 'prefill' ? { ...phase, name: 'kernel' as const, tokens: calls } : phase,
      );
    const samples = [sampled('energyJoules:gpu', 'counter', (t) => 100 * t, phases)];
    const entry = judged({ phases, samples, tokenSeconds: [] }).energyPerCallJoules;
    // 2 s at 100 W.
    expect(entry).toMatchObject({ unit: 'J' });
    expect(entry!.value).toBeCloseTo(200 / calls, 6);
  });

  test('has no share of a roof that nobody measured', () => {
    const absent = { roofs: 'measuring roofs is off' };
    expect(judged({ roofs: null, absent }).kernelRoofRatio).toEqual({
      value: null,
      unit: 'ratio',
      reason: absent.roofs,
    });
  });
});
