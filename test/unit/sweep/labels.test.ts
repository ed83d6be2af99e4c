import { expect, describe as group, test } from 'vitest';
import { experimentAt } from '../../../core/sweep/expand.js';
import { pointsId } from '../../../core/sweep/identity.js';
import { describe, labelsIn, varyingAxes } from '../../../core/sweep/labels.js';
import { planSpace } from '../../../core/sweep/space.js';
import { file, sweepOf } from './documents.js';

const labels = (spec: Record<string, unknown>) => {
  const sweep = sweepOf(file(spec));
  const space = planSpace(sweep);
  const varying = varyingAxes(sweep);
  return Array.from({ length: space.count }, (_, i) => describe(space.contentAt(i), varying));
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

  test('are the names that a sweep gives to points; of an include, with what its points differ in', () => {
    const sweep = sweepOf(
      file({
        runners: { kind: 'llama-cpp', threads: [1, 2] },
        include: [{ name: 'long', promptTokens: 4096 }],
        points: [
          { name: 'as it is', threads: 2 },
          { name: 'wide', threads: 8, batch: 1024 },
        ],
      }),
    );
    const space = planSpace(sweep);
    const labelOf = labelsIn(sweep);
    const points = Array.from({ length: space.count }, (_, position) => space.contentAt(position));
    expect(points.map(labelOf)).toEqual([
      'a threads=1 batch=2048 promptTokens=512',
      'as it is',
      'long a threads=1 batch=2048 promptTokens=4096',
      'long a threads=2 batch=2048 promptTokens=4096',
      'wide',
    ]);
    expect(points.at(-1)?.runner.options).toMatchObject({ threads: 8, batch: 1024 });
    expect(space.duplicates).toBe(1);
  });

  test('a sweep that lists points and no values has these alone, and no id of an experiment knows its name', () => {
    const of = (name: string) =>
      sweepOf(
        file({
          points: [
            { name, threads: 2 },
            { name: 'other', threads: 4 },
          ],
        }),
      );
    const idsOf = (name: string) => [0, 1].map((position) => experimentAt(planSpace(of(name)), position).id);
    expect(planSpace(of('a')).count).toBe(2);
    expect(idsOf('a')).toEqual(idsOf('b'));
    expect(pointsId(of('a'))).toBe(pointsId(of('b')));
  });

  test('name devices and nodes where they are an axis', () => {
    expect(labels({ placement: { device: ['cpu', 'cuda:h100'] } })).toEqual(['a cpu', 'a cuda:h100']);
    const sweep = sweepOf(file({ placement: { perNode: true } }));
    expect(describe({ ...planSpace(sweep).contentAt(0), node: 'n1' }, varyingAxes(sweep))).toBe('a n1');
  });
});
