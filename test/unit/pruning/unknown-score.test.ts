import { expect, test } from 'vitest';
import type { Score } from '../../../core/techniques/pruning/scores.js';
import { scoreArguments } from '../../../engines/native/kernels.js';
import { scoreRow } from '../../support/pruning/scores.js';

test('a score that an engine does not know is refused, not taken for the magnitude', () => {
  const score = { kind: 'random' } as unknown as Score;
  const said = 'this engine cannot prune by the score "random"';
  expect(() => scoreArguments(score)).toThrow(said);
  expect(() => scoreRow(score, new Float32Array(1), new Float32Array(1))).toThrow(said);
});
