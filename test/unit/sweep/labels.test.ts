import { expect, describe as group, test } from 'vitest';
import { describe, varyingAxes } from '../../../core/sweep/labels.js';
import { planSpace } from '../../../core/sweep/space.js';
import { file, sweepOf } from './documents.js';

const labels = (spec: Record<string, unknown>) => {
  const sweep = sweepOf(file(spec));
  const space = planSpace(sweep);
  const varying = varyingAxes(sweep);
  return Array.from({ length: space.count }, (_, i) => describe(space.at(i), varying));
};

group('labels', () => {
  test('show the model and what varies', () => {
    expect(
      labels({
        models: 'builtin:small',
        techniques: { quantization: ['f16', 'q8_0'] },
        runners: { kind: 'llama-cpp', flashAttention: true, threads: [2, null] },
      }),
    ).toEqual([
      'small f16 threads=2',
      'small f16 threads=null',
      'small q8_0 threads=2',
      'small q8_0 threads=null',
    ]);
    expect(labels({})).toEqual(['a']);
  });

  test('leave out the options of other runners', () => {
    expect(
      labels({
        runners: [
          { kind: 'llama-cpp', poll: [0, 50] },
          { kind: 'fake', fakeJitter: [0, 0.1] },
        ],
        include: [{ runner: 'fake', parallel: 2, fakeJitter: 0 }],
      }),
    ).toEqual([
      'a llama-cpp poll=0 parallel=1',
      'a llama-cpp poll=50 parallel=1',
      'a fake fakeJitter=0 parallel=1',
      'a fake fakeJitter=0.1 parallel=1',
      'a fake fakeJitter=0 parallel=2',
    ]);
  });

  test('name devices and nodes where they are an axis', () => {
    expect(labels({ placement: { device: ['cpu', 'cuda:h100'] } })).toEqual(['a cpu', 'a cuda:h100']);
    const sweep = sweepOf(file({ placement: { perNode: true } }));
    expect(describe({ ...planSpace(sweep).at(0), node: 'n1' }, varyingAxes(sweep))).toBe('a n1');
  });
});
