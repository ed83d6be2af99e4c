import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildReport } from '../../../report/build.js';
import { distinctParts } from '../../../report/columns.js';
import { shortNames } from '../../../report/row-labels.js';
import { experimentOf } from '../../support/experiments.js';
import { forAll } from '../../support/for-all.js';
import { completeTrial } from '../../support/records.js';

type Trial = Parameters<typeof completeTrial>[0] & { readonly position: number };
const labels = (...trials: Trial[]) =>
  buildReport(
    trials.map((trial) => completeTrial(trial)),
    { sweepName: 's', objectives: [] },
  ).rows.map((row) => row.label);

describe('labels of rows', () => {
  test('name what varies and nothing else, and stay apart', () => {
    const of = (parallel: number, flashAttention: boolean | null, position: number) => ({
      experiment: experimentOf({ parallel, flashAttention } as Parameters<typeof experimentOf>[0]),
      position,
    });
    expect(labels(of(1, true, 0), of(4, true, 1))).toEqual(['parallel=1', 'parallel=4']);
    expect(labels(of(1, true, 0), of(1, false, 1), of(4, false, 2))).toEqual([
      'flash=true parallel=1',
      'flash=false parallel=1',
      'flash=false parallel=4',
    ]);
    const [only] = labels(of(1, true, 0));
    expect(only).toBe(experimentOf().model.name);
  });

  test('the same on two nodes is told apart by the node', () => {
    expect(
      labels(
        { experiment: experimentOf({ threads: 2 }), position: 0, node: 'a' },
        { experiment: experimentOf({ threads: 4 }), position: 1, node: 'b' },
      ),
    ).toEqual(['a threads=2', 'b threads=4']);
  });

  test('an axis has its first word where no other begins with it', () => {
    expect([...shortNames(['promptTokens', 'generateTokens', 'parallel']).values()]).toEqual([
      'prompt',
      'generate',
      'parallel',
    ]);
    expect([...shortNames(['batchSize', 'batch', 'gpuLayers']).values()]).toEqual([
      'batchSize',
      'batch',
      'gpu',
    ]);
  });

  test('long names of models keep what tells them apart', () => {
    expect(
      distinctParts([
        'Llama-3.2-1B-Instruct-GGUF',
        'Llama-3.2-3B-Instruct-GGUF',
        'Llama-3.2-11B-V-Instruct-GGUF',
      ]),
    ).toEqual(['…1B…', '…3B…', '…11B-V…']);
    expect(distinctParts(['small', 'tiny'])).toEqual(['small', 'tiny']);
    const part = fc.constantFrom('Llama', '3', '1B', 'a-long-name-for-a-model', 'Instruct', 'x.y', '');
    const name = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('-'));
    forAll(100, [fc.uniqueArray(name, { maxLength: 8 })], (names) => {
      expect(new Set(distinctParts(names)).size).toBe(names.length);
    });
  });
});
