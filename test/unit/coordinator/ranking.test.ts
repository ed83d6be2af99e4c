import { expect, test } from 'vitest';
import { Exposition } from '../../../coordinator/exporter/exposition.js';
import { rankResults } from '../../../coordinator/exporter/ranking.js';
import { EMPTY } from '../../../coordinator/exporter/snapshot.js';
import { plainText } from '../../../core/metrics/text.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { experimentOf } from '../../support/experiments.js';
import { completeTrial } from '../../support/records.js';
import { rooflineOf } from '../../support/roofline.js';

const FASTEST = [{ metric: 'decodeTokensPerSecond', better: 'max' }] as const;

function trial(position: number, slower: number, rest: Partial<ResultRecord> = {}): ResultRecord {
  const experiment = experimentOf({ quantization: 'q8_0', contextDepth: position });
  return { ...completeTrial({ experiment, position, slower }), ...rest };
}

const single = (record: ResultRecord) => ({ record, starts: [record] });

test('each sweep has its own front, and without objectives nobody is on one', () => {
  const other = { ...trial(2, 3).sweep, id: 's-other' };
  const third = { ...trial(3, 1).sweep, id: 's-third' };
  const records = [trial(0, 1), trial(1, 2), trial(2, 3, { sweep: other }), trial(3, 1, { sweep: third })];
  const rankings = rankResults(records.map(single), (id) => ({
    objectives: id === 's-third' ? [] : FASTEST,
    bounds: [],
  }));
  const found = new Map(rankings.map(({ record, onFront }) => [record.experimentId, onFront]));
  expect(records.map(({ experimentId }) => found.get(experimentId))).toEqual([true, false, true, null]);
});

test('phases and their roofs are exported, a roof once, and without a place nothing is', async () => {
  const placed = [2, 4].map((times, i) => trial(i, times, { roofline: rooflineOf(times) }));
  const results = rankResults([...placed, trial(9, 1)].map(single), () => ({
    objectives: FASTEST,
    bounds: [],
  }));
  const exposition = new Exposition('0', () => ({ ...EMPTY, results }));
  const lines = plainText(await exposition.families()).split('\n');
  const of = (name: string) => lines.filter((line) => line.startsWith(`ridgepoint_${name}{`));
  const numberIn = (line = '') => Number(line.split(' ').at(-1));

  expect(of('phase_flops_per_second')).toHaveLength(4);
  const decode = of('phase_flops_per_byte').find((line) => line.includes('phase="decode"'));
  const phase = placed[0]?.roofline?.phases.find(({ name }) => name === 'decode');
  expect(numberIn(decode)).toBe(phase?.intensity);
  const peaks = of('roof_flops_per_second');
  expect(new Set(peaks).size).toBe(peaks.length);
  expect(peaks.length).toBe(of('roof_bytes_per_second').length);
  expect(peaks.map(numberIn)).toContain(phase?.peak?.flopsPerSecond);
  expect(of('result_on_front').map(numberIn).sort()).toEqual([0, 0, 1]);
  const best = of('sweep_best_info');
  expect(best).toHaveLength(1);
  expect(best[0]).toContain(`experiment="${trial(9, 1).experimentId}"`);
  expect(best[0]).toContain('objective="decodeTokensPerSecond"');
});
