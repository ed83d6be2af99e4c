import { expect, test } from 'vitest';
import { warn } from '../../../core/result/warnings.js';
import { holds } from '../../../judgement/holds.js';
import { recordFront } from '../../../judgement/pareto.js';
import { regraded } from '../../../judgement/regrade.js';
import { completeTrial, failedTrial } from '../../support/records.js';

const disturbed = completeTrial({ warnings: [warn('cpu-steal', 'stolen')] });
const strict = regraded(disturbed, 'strict');
const fault = completeTrial({ warnings: [warn('provider-fallback', 'elsewhere')] });

test('bytes, quality and counts are never voided by a disturbance, under strict gates neither; a fault voids all, and a disturbance nothing', () => {
  const untouched =
    'modelBytes peakResidentBytes perplexity klDivergenceNats taskScoreRatio outputLengthRatio'.split(' ');
  const timed = ['decodeTokensPerSecond', 'energyJoules', 'decodeRoofRatio', 'loadSeconds'];
  for (const metric of untouched) expect([metric, holds(strict, metric)]).toEqual([metric, true]);
  for (const metric of timed) expect([metric, holds(strict, metric)]).toEqual([metric, false]);
  for (const metric of [...untouched, ...timed]) {
    expect(holds(disturbed, metric)).toBe(true);
    expect(holds(fault, metric)).toBe(false);
    expect(holds(failedTrial({ attempt: 1 }), metric)).toBe(false);
  }
});

test('a row that strict gates alone made invalid may stand on a front of sizes, and on none of speed', () => {
  const onFront = (metric: string) =>
    recordFront([strict, fault], [{ metric, better: 'min' }]).map((mark) => mark.onFront);
  expect(onFront('modelBytes')).toEqual([true, false]);
  expect(onFront('loadSeconds')).toEqual([false, false]);
});
