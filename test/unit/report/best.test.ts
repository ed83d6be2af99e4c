import { expect, test } from 'vitest';
import { BestRows } from '../../../report/best.js';
import { completeTrial } from '../../support/records.js';

const trial = (of: { experimentId: string; node: string; sweep: string; value: number; day: number }) => {
  const record = completeTrial();
  const startedAt = new Date(Date.UTC(2026, 0, of.day)).toISOString();
  const decodeTokensPerSecond = { ...record.measurements.decodeTokensPerSecond!, value: of.value } as never;
  return {
    ...record,
    trialId: `${of.experimentId} ${of.node} ${of.day}`,
    experimentId: of.experimentId,
    node: { ...record.node, name: of.node },
    sweep: { ...record.sweep, id: of.sweep, name: of.sweep, purpose: 'measure' as const },
    startedAt,
    measurements: { decodeTokensPerSecond },
  };
};

test('starts of one configuration on one device are a row, whatever sweep they are of; the best is first', () => {
  const best = new BestRows({ metric: 'decodeTokensPerSecond', better: 'max' });
  best.add(trial({ experimentId: 'x1', node: 'a', sweep: 'may', value: 100, day: 1 }));
  best.add(trial({ experimentId: 'x2', node: 'a', sweep: 'may', value: 120, day: 2 }));
  best.add(trial({ experimentId: 'x1', node: 'b', sweep: 'may', value: 300, day: 3 }));
  best.add(trial({ experimentId: 'x1', node: 'a', sweep: 'june', value: 100, day: 40 }));
  best.add({ ...trial({ experimentId: 'x3', node: 'a', sweep: 'june', value: 900, day: 41 }), valid: false });
  const rows = best.rows(2);
  expect(rows.map(({ experimentId, node, value, starts }) => [experimentId, node, value, starts])).toEqual([
    ['x1', 'b', 300, 1],
    ['x2', 'a', 120, 1],
  ]);
  expect(best.rows(9)[2]).toMatchObject({ node: 'a', starts: 2, sweeps: ['may', 'june'], unit: 'tokens/s' });
  expect(best.rows(9)[2]!.value).toBeCloseTo(100, 6);
  expect(best.rows(9)[2]).toMatchObject({
    first: '2026-01-01T00:00:00.000Z',
    last: '2026-02-09T00:00:00.000Z',
  });
});
