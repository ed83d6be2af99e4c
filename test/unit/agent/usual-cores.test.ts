import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CoresReading, UsualCores } from '../../../agent/cores/usual.js';
import { DISTURBANCE_LIMITS } from '../../../core/experiment/experiment.js';
import { distantCores, sharedCores } from '../../../judgement/disturbance.js';
import { temporaryFolder } from '../../support/folder.js';

const file = () => join(temporaryFolder(), 'cores.json');
const CPUS = [0, 1];
const trial = (...found: (readonly [widths: number[], latency?: number])[]): CoresReading[] =>
  found.map(([widths, latency = 1e-7], seconds) => ({ seconds, widths, latencies: [latency] }));
const times = (count: number, ...reading: [widths: number[], latency?: number]) =>
  trial(...Array.from({ length: count }, () => reading));
const calm = times(20, [9.7, 9.8]);
const valuesOf = (usual: UsualCores, readings: CoresReading[], quantity = 'coreShareRatio') =>
  usual.series(CPUS, readings).find((series) => series.quantity === quantity)!.values;

describe('the share of its core that a CPU had', () => {
  test('is of what each of them usually has, and of the one that had least: threads wait for it', () => {
    const usual = new UsualCores(file(), 'here');
    expect(valuesOf(usual, calm)).toEqual(Array(20).fill(1));
    expect(valuesOf(usual, trial([[9.7 / 2, 9.8]]))).toEqual([0.5]);
    const [series] = usual.series(CPUS, trial([[9.7, 9.8]], [[9.7 / 2, 9.8 / 2]]));
    expect(series).toMatchObject({ quantity: 'coreShareRatio', seconds: [0, 1], values: [1, 0.5] });
  });

  test('does not hang on some readings that came out too high, nor on most that somebody else was in', () => {
    const usual = new UsualCores(file(), 'here');
    valuesOf(usual, [...calm, ...trial([[30, 30], 1e-8]), ...times(40, [5, 5], 5e-7)]);
    expect(valuesOf(usual, trial([[9.7, 9.8]]))[0]).toBeCloseTo(1, 2);
    expect(valuesOf(usual, trial([[9.7, 9.8]]), 'coreLatencyRatio')[0]).toBeCloseTo(1, 2);
  });

  test('is known from the last run, when this one begins beside somebody', () => {
    const kept = file();
    valuesOf(new UsualCores(kept, 'here'), calm);
    expect(valuesOf(new UsualCores(kept, 'here'), trial([[9.7 / 2, 9.8 / 2]]))).toEqual([0.5]);
    // Another processor's say nothing, a file that is broken is none, and nor is that of a release that kept
    // something else.
    expect(valuesOf(new UsualCores(kept, 'elsewhere'), trial([[9.7 / 2, 9.8 / 2]]))).toEqual([1]);
    for (const other of [
      '{',
      JSON.stringify({ of: 'here', widths: { 0: 9.7 }, latencies: { '0-1': 1e-7 } }),
    ]) {
      writeFileSync(kept, other);
      expect(valuesOf(new UsualCores(kept, 'here'), trial([[9.7 / 2, 9.8 / 2]]))).toEqual([1]);
    }
  });

  test('of long ago is forgotten', () => {
    const kept = file();
    valuesOf(new UsualCores(kept, 'here'), times(500, [10.7, 10.7]));
    const usual = new UsualCores(kept, 'here');
    expect(valuesOf(usual, trial([[9.7, 9.7]]))[0]).toBeCloseTo(9.7 / 10.7);
    valuesOf(usual, times(200, [9.7, 9.7]));
    expect(valuesOf(new UsualCores(kept, 'here'), trial([[9.7, 9.7]]))).toEqual([1]);
    expect(JSON.parse(readFileSync(kept, 'utf8')).widths[0]).toHaveLength(200);
  });

  test('makes a row invalid below 95 %, and where a policy allows more to be stolen, below that', () => {
    expect(sharedCores(null, { maxStealRatio: 0.02 })).toEqual([]);
    expect(sharedCores(0.96, { maxStealRatio: 0.02 })).toEqual([]);
    expect(sharedCores(0.94, { maxStealRatio: 0.02 })).toMatchObject([{ code: 'shared-core' }]);
    expect(sharedCores(0.66, { maxStealRatio: 0.02 })).toMatchObject([{ code: 'shared-core' }]);
    expect(sharedCores(0.66, { maxStealRatio: 0.5 })).toEqual([]);
    expect(sharedCores(0, { maxStealRatio: 1 })).toEqual([]);
  });
});

describe('how far CPUs lie from each other', () => {
  test('is that of the pair that is farthest from its usual place; one CPU has none', () => {
    const usual = new UsualCores(file(), 'here');
    valuesOf(usual, calm);
    expect(valuesOf(usual, trial([[9.7, 9.8]], [[9.7, 9.8], 5e-7]), 'coreLatencyRatio')).toEqual([1, 5]);
    expect(usual.latencies(CPUS)).toEqual([1e-7]);
    expect(usual.latencies([0, 1, 2])).toEqual([1e-7, null]);
    const three = (latencies: number[]) =>
      usual
        .series([3, 4, 5], [{ seconds: 0, widths: [9.7, 9.8, 9.7], latencies }])
        .find(({ quantity }) => quantity === 'coreLatencyRatio')!.values;
    for (let i = 0; i < 9; i++) expect(three([1e-7, 4e-7])).toEqual([1]);
    expect(three([2e-7, 8e-7])).toEqual([2]);
    const one = usual.series([0], [{ seconds: 0, widths: [9.7], latencies: [] }]);
    expect(one.map(({ quantity }) => quantity)).toEqual(['coreShareRatio']);
  });

  test('makes a row invalid above one and a half times the usual, or what a policy says', () => {
    expect(distantCores(null, DISTURBANCE_LIMITS)).toEqual([]);
    expect(distantCores(1.3, DISTURBANCE_LIMITS)).toEqual([]);
    expect(distantCores(5, { maxCoreLatencyRatio: 6 })).toEqual([]);
    expect(distantCores(5, DISTURBANCE_LIMITS)).toMatchObject([
      { code: 'distant-cores', message: expect.stringMatching(/5\.0 times/) },
    ]);
  });
});
