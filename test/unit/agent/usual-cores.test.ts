import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CoresReading, UsualCores } from '../../../agent/cores/usual.js';
import { BenchCores, CoresWatch } from '../../../agent/cores/watch.js';
import { DISTURBANCE_LIMITS } from '../../../core/experiment/experiment.js';
import { distantCores, sharedCores } from '../../../core/judgement/disturbance.js';

const file = () => join(mkdtempSync(join(tmpdir(), 'ridgepoint-cores-')), 'cores.json');
const trial = (...found: (readonly [widths: number[], latency?: number])[]): CoresReading[] =>
  found.map(([widths, latency = 1e-7], seconds) => ({ seconds, cpus: [0, 1], widths, latencies: [latency] }));
const calm = trial(...Array.from({ length: 20 }, () => [[9.7, 9.8]] as [number[]]));
const valuesOf = (usual: UsualCores, readings: CoresReading[], quantity = 'coreShareRatio') =>
  usual.series(readings).find((series) => series.quantity === quantity)!.values;

describe('the share of its core that a CPU had', () => {
  test('is of the best that each of them showed, and of the one that had least: threads wait for it', () => {
    const usual = new UsualCores(file(), 'here');
    expect(valuesOf(usual, calm)).toEqual(Array(20).fill(1));
    expect(valuesOf(usual, trial([[9.7 / 2, 9.8]]))).toEqual([0.5]);
    const [series] = usual.series(trial([[9.7, 9.8]], [[9.7 / 2, 9.8 / 2]]));
    expect(series).toMatchObject({ quantity: 'coreShareRatio', seconds: [0, 1], values: [1, 0.5] });
  });

  test('does not hang on one reading that came out too high', () => {
    const usual = new UsualCores(file(), 'here');
    valuesOf(usual, [...calm, ...trial([[30, 30], 1e-8])]);
    expect(valuesOf(usual, trial([[9.7, 9.8]]))[0]).toBeCloseTo(1, 3);
    expect(valuesOf(usual, trial([[9.7, 9.8]]), 'coreLatencyRatio')[0]).toBeCloseTo(1, 3);
  });

  test('is known from the last run, when this one begins beside somebody', () => {
    const kept = file();
    valuesOf(new UsualCores(kept, 'here'), calm);
    expect(valuesOf(new UsualCores(kept, 'here'), trial([[9.7 / 2, 9.8 / 2]]))).toEqual([0.5]);
    // Another processor's say nothing, and a file that is broken is none.
    expect(valuesOf(new UsualCores(kept, 'elsewhere'), trial([[9.7 / 2, 9.8 / 2]]))).toEqual([1]);
    writeFileSync(kept, '{');
    expect(valuesOf(new UsualCores(kept, 'here'), trial([[9.7 / 2, 9.8 / 2]]))).toEqual([1]);
  });

  test('is kept from enough readings only: a run of few that came out too high harms no later one', () => {
    const kept = file();
    valuesOf(new UsualCores(kept, 'here'), trial([[30, 30], 1e-8]));
    expect(valuesOf(new UsualCores(kept, 'here'), calm)).toEqual(Array(20).fill(1));
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toMatchObject({
      of: 'here',
      widths: { 0: 9.7, 1: 9.8 },
      latencies: { '0-1': 1e-7 },
    });
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

test('what an earlier run saw counts no more once this one has seen enough', () => {
  const kept = file();
  const many = (width: number) => trial(...Array.from({ length: 200 }, () => [[width, width]] as [number[]]));
  valuesOf(new UsualCores(kept, 'here'), many(10.7));
  const usual = new UsualCores(kept, 'here');
  expect(valuesOf(usual, trial([[9.7, 9.7]]))[0]).toBeCloseTo(9.7 / 10.7);
  expect(valuesOf(usual, many(9.7)).at(-1)).toBe(1);
  expect(JSON.parse(readFileSync(kept, 'utf8'))).toMatchObject({ widths: { 0: 9.7 } });
});

describe('how far CPUs lie from each other', () => {
  test('is that of the pair that is farthest from its usual place; one CPU has none', () => {
    const usual = new UsualCores(file(), 'here');
    valuesOf(usual, calm);
    expect(valuesOf(usual, trial([[9.7, 9.8]], [[9.7, 9.8], 5e-7]), 'coreLatencyRatio')).toEqual([1, 5]);
    const three = (latencies: number[]) => [
      { seconds: 0, cpus: [0, 1, 2], widths: [9.7, 9.8, 9.7], latencies },
    ];
    expect(valuesOf(usual, three([1e-7, 4e-7]), 'coreLatencyRatio')).toEqual([1]);
    expect(valuesOf(usual, three([2e-7, 8e-7]), 'coreLatencyRatio')).toEqual([2]);
    const one = usual.series([{ seconds: 0, cpus: [0], widths: [9.7], latencies: [] }]);
    expect(one.map(({ quantity }) => quantity)).toEqual(['coreShareRatio']);
  });

  test('learns nothing from two CPUs on one core, which are nearer to each other than two of their own', () => {
    const usual = new UsualCores(file(), 'here');
    valuesOf(usual, calm);
    for (let i = 0; i < 20; i++) valuesOf(usual, trial([[9.7 / 2, 9.8 / 2], 5e-8]));
    expect(valuesOf(usual, trial([[9.7, 9.8]]), 'coreLatencyRatio')).toEqual([1]);
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

describe('benches that look at their cores', () => {
  test('wait for them, say what is out of place, and learn what is usual as they go', async () => {
    const near = { widths: [9.7, 9.7], latencies: [1e-7] };
    const far = { widths: [9.7, 9.7], latencies: [5e-7] };
    const shared = { widths: [9.7, 4.8], latencies: [1e-7] };
    let [place, waited] = [near, 0];
    const cores = new BenchCores(
      () => place,
      [0, 1],
      async (seconds) => {
        waited += seconds;
        place = near;
      },
    );
    for (let reading = 0; reading < 20; reading++) expect(cores.disturbed(2)).toEqual([]);
    place = far;
    expect(cores.disturbed(2)).toMatchObject([expect.stringMatching(/core-to-core latency .* 5\.0 times/)]);
    await cores.settle(2);
    expect([waited, cores.disturbed(2)]).toEqual([0.5, []]);
    place = far;
    expect(cores.disturbed(1)).toEqual([]);
    await cores.settle(1);
    expect(waited).toBe(0.5);
    place = shared;
    expect(cores.disturbed(2)).toMatchObject([expect.stringMatching(/had (49|50) % of its core/)]);
  });
});

test('CPUs that stay apart are waited for once, and again when they were back', async () => {
  const near = { widths: [9.7, 9.7], latencies: [1e-7] };
  const far = { widths: [9.7, 9.7], latencies: [5e-7] };
  let [place, waited] = [far, 0];
  const usual = { known: () => ({ widths: {}, latencies: { '0-1': 1e-7 } }) };
  const watch = new CoresWatch(
    () => place,
    [0, 1],
    usual,
    DISTURBANCE_LIMITS,
    async (seconds) => {
      waited += seconds;
    },
  );
  for (let i = 0; i < 3; i++) await watch.settle();
  expect(waited).toBe(5);
  place = near;
  await watch.settle();
  place = far;
  await watch.settle();
  expect(waited).toBe(10);
});
