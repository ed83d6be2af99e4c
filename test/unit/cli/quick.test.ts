import { expect, test, vi } from 'vitest';
import { openSweep, quickSweep, readyToRun } from '../../../cli/sweep-file.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { sound } from '../../support/reading.js';
import { fakeSweep } from '../../support/sweeps.js';
import { FACTS } from '../sweep/documents.js';

const read = (measure: string) => {
  const document = fakeSweep(2, { measure });
  const parsed = sound(parseSweep(document));
  return { path: 'sweep.yaml', typed: 'sweep.yaml', document, sweep: parsed.sweep };
};

test('--quick asks for three starts in the time of one, in the document that a coordinator gets, and changes nothing else', () => {
  const file = read('{ starts: 5, maxStarts: 8, retryInvalid: 1, maxRepeats: 7, maxSeconds: 1.5 }');
  const quick = quickSweep(file);
  const startsPolicy = { starts: 3, maxStarts: 3, retryInvalid: 1 };
  const measure = { ...file.sweep.measure, minRepeats: 3, maxRepeats: 3, maxSeconds: 0.5 };
  expect(quick.sweep).toEqual({ ...file.sweep, measure, startsPolicy });
  const again = parseSweep(quick.document);
  expect(again.ok && again.sweep).toEqual(quick.sweep);
  const open = quickSweep(read('{ maxRepeats: 2, minRepeats: 2, maxSeconds: null }')).sweep.measure;
  expect(open).toMatchObject({ minRepeats: 1, maxRepeats: 1, maxSeconds: null });
});

test('what a sweep leaves open fits its models with --quick, too', () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const file = openSweep('builtin:tiny');
  const models = file.sweep.models.map((model) => ({ ...model, facts: { ...FACTS, contextLength: 256 } }));
  const { document, sweep } = readyToRun(file, models, true);
  const again = sound(parseSweep(document));
  expect(again.sweep.workloads).toEqual(readyToRun(file, models, false).sweep.workloads);
  expect(again.sweep.workloads[0]?.axes.find(({ name }) => name === 'promptTokens')?.values).toEqual([128]);
  expect(again.sweep).toEqual({ ...sweep, models: file.sweep.models });
  expect(sweep).toMatchObject({ models, startsPolicy: { starts: 3, maxStarts: 3 } });
  vi.restoreAllMocks();
});
