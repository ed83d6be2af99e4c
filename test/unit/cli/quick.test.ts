import { expect, test } from 'vitest';
import { quickly } from '../../../cli/sweep-file.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { fakeSweep } from '../../support/sweeps.js';

const read = (measure: string) => {
  const document = fakeSweep(2, { measure });
  const parsed = parseSweep(document);
  if (!parsed.ok) throw new Error(parsed.diagnostics.map(({ message }) => message).join('; '));
  return { path: 'sweep.yaml', document, sweep: parsed.sweep };
};

test('--quick asks for one start in the document that a coordinator gets, and changes nothing else', () => {
  const file = read('{ starts: 3, maxStarts: 8, retryInvalid: 1, maxRepeats: 7 }');
  const quick = quickly(file);
  const repetition = { starts: 1, maxStarts: 1, retryInvalid: 1 };
  expect(quick.sweep).toEqual({ ...file.sweep, repetition });
  const again = parseSweep(quick.document);
  expect(again.ok && again.sweep).toEqual(quick.sweep);
  // Nothing is written anew that asks for one start already.
  const once = read('{ starts: 1 }');
  expect(quickly(once)).toBe(once);
});
