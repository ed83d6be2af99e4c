import { describe, expect, test } from 'vitest';
import { isPresent, type Measurement, type ResultRecord } from '../../../core/result/result.js';
import { warn } from '../../../core/result/warnings.js';
import { driftOf, speedsOf } from '../../../judgement/drift.js';
import { recordFront } from '../../../judgement/pareto.js';
import { combinedEntry, combineStarts, controlsOf, startsOf } from '../../../judgement/trials.js';
import { calmInput, phasesOf, recordOf } from './trace.js';

const DECODE = 'decodeTokensPerSecond';

/** A trial that is `slower` times slower than the calm one, with a little noise of its own. */
function trial(trialId: string, slower = 1, changes: Partial<ResultRecord> = {}): ResultRecord {
  const phases = phasesOf((r) => slower * (1 + ((r * 7) % 3) / 1000));
  return recordOf(calmInput({ phases, samples: [] }), { trialId, ...changes });
}

const inBlock = (block: number, purpose: 'measure' | 'control' = 'measure'): Partial<ResultRecord> => ({
  sweep: { id: 's1', name: 'test', position: 0, block, purpose, attempt: 1 },
  startedAt: `2026-01-01T00:${String(block).padStart(2, '0')}:00.000Z`,
});
const single = (value: number): Measurement => ({
  value,
  unit: 'ratio',
  n: 1,
  mean: value,
  median: value,
  stddev: null,
  cv: null,
  samples: null,
  ci95: null,
  source: null,
});
const entryOf = (record: ResultRecord, metric: string): Measurement => {
  const entry = record.measurements[metric];
  if (!isPresent(entry)) throw new Error(`no ${metric}`);
  return entry;
};

describe('the trials that a row is made of', () => {
  const failed = recordOf(calmInput({ outcome: null }), { trialId: 'failed' });
  const invalid = trial('invalid', 1, { valid: false });
  const ids = (records: readonly ResultRecord[]) => startsOf(records).map(({ trialId }) => trialId);

  test('are all complete ones without a fault; where each has one, all of these', () => {
    expect(ids([failed, invalid, trial('a'), trial('b', 0.5)])).toEqual(['a', 'b']);
    expect(ids([failed, trial('first', 1, { valid: false }), invalid])).toEqual(['first', 'invalid']);
    expect(ids([failed])).toEqual([]);
    expect(ids([trial('control', 1, inBlock(0, 'control')), trial('a')])).toEqual(['a']);
  });

  test('are those of the engine that ran last', () => {
    const engine = (version: string) => ({ environment: { engine: version } });
    expect(ids([trial('old', 1, engine('1')), trial('new', 1, engine('2'))])).toEqual(['new']);
    const faulty = trial('faulty', 1, { ...engine('2'), valid: false });
    expect(ids([trial('old', 1, engine('1')), faulty])).toEqual(['faulty']);
  });

  test('are those of its newest build; a record that does not know its build is of any', () => {
    const built = (engineBuild?: string) => ({
      environment: { engine: '1', ...(engineBuild && { engineBuild }) },
    });
    expect(ids([trial('a', 1, built('aa')), trial('b', 1, built('bb'))])).toEqual(['b']);
    expect(
      ids([trial('before', 1, built()), trial('a', 1, built('aa')), trial('b', 1, built('bb'))]),
    ).toEqual(['before', 'b']);
    expect(
      ids([trial('a', 1, built('aa')), trial('b', 1, built('bb')), trial('server', 1, built())]),
    ).toEqual(['b', 'server']);
  });

  test('of the drift control are the valid ones, else all that are complete', () => {
    const control = (id: string, valid: boolean) => trial(id, 1, { ...inBlock(0, 'control'), valid });
    const counted = (records: readonly ResultRecord[]) => controlsOf(records).map(({ trialId }) => trialId);
    expect(counted([control('disturbed', false), control('calm', true), failed])).toEqual(['calm']);
    expect(counted([control('a', false), control('b', false)])).toEqual(['a', 'b']);
  });

  test('say together what they are estimated to be, and how sure it is', () => {
    const starts = [trial('a', 1, inBlock(0)), trial('b', 1.02, inBlock(1)), trial('c', 0.97, inBlock(2))];
    const row = combineStarts(starts);
    const values = starts.map((start) => entryOf(start, DECODE).value);
    const decode = entryOf(row, DECODE);
    expect(decode).toMatchObject({ n: 3, samples: values });
    expect(decode.value).toBeGreaterThan(Math.min(...values));
    expect(decode.value).toBeLessThan(Math.max(...values));
    expect(decode.ci95![0]).toBeLessThan(decode.value);
    expect(decode.ci95![1]).toBeGreaterThan(decode.value);
    // Nobody asked the cores: nothing is adjusted, and nothing says that it was.
    expect(decode.adjustedBy).toBeUndefined();
    // What a process says once, such as percentiles and loading, has an interval, too.
    const p99 = (value: number): ResultRecord['measurements'] => ({
      interTokenLatencyP99Seconds: {
        value,
        unit: 's',
        n: 100,
        mean: value,
        median: value,
        stddev: null,
        cv: null,
        samples: null,
        ci95: null,
        source: null,
      },
    });
    const itl = entryOf(
      combineStarts(
        [2, 3, 4].map((v, block) => trial(`${v}`, 1, { ...inBlock(block), measurements: p99(v) })),
      ),
      'interTokenLatencyP99Seconds',
    );
    expect(itl.value).toBeCloseTo(Math.cbrt(24), 0);
    expect(itl.ci95?.[0]).toBeLessThan(itl.value);
    expect(itl.ci95?.[1]).toBeGreaterThan(itl.value);
    // Bytes are the same in each: they are no estimate.
    expect(entryOf(row, 'modelBytes')).toEqual(entryOf(starts[0]!, 'modelBytes'));
    expect(row.trialId).toBe('a');
  });

  test('have an interval where there is one, too: that of how starts of any row differ', () => {
    const alone = trial('a');
    const row = combineStarts([alone]);
    expect(entryOf(row, DECODE)).toMatchObject({ ...entryOf(alone, DECODE), ci95: expect.any(Array) });
    expect(entryOf(alone, DECODE).ci95).toBeNull();
    expect(entryOf(row, 'loadSeconds').ci95).toBeNull();
  });

  test('are adjusted by what was read of neighbours, all that is derived from each other alike', () => {
    const beside = (share: number, latency: number): ResultRecord['measurements'] => ({
      coreShareRatio: single(share),
      coreLatencyRatio: single(latency),
    });
    const disturbed = (id: string, slower: number, share: number) => {
      const record = trial(id, slower);
      return { ...record, measurements: { ...record.measurements, ...beside(share, 1.1) } };
    };
    const starts = [disturbed('a', 1, 1), disturbed('b', 1.3, 0.7), disturbed('c', 1.2, 0.8)];
    const row = combineStarts(starts);
    const [decode, tpot] = [entryOf(row, DECODE), entryOf(row, 'timePerOutputTokenSeconds')];
    expect(decode.calm!.value / decode.asMeasured!).toBeGreaterThan(1.01);
    expect(decode.asMeasured! * decode.adjustedBy!).toBeCloseTo(decode.value, 9);
    expect(tpot.adjustedBy).toBeCloseTo(1 / decode.adjustedBy!, 9);
    // The calm start is the machine's, and a mean of all would lie a sixth below.
    expect(Math.abs(Math.log(decode.calm!.value / entryOf(starts[0]!, DECODE).value))).toBeLessThan(0.05);
    // At the readings that starts had in the middle it stands between them.
    expect(decode.value).toBeLessThan(entryOf(starts[0]!, DECODE).value);
    expect(decode.value).toBeGreaterThan(entryOf(starts[1]!, DECODE).value);
    const [first] = starts.map(
      (start) => entryOf(start, DECODE).value * entryOf(start, 'timePerOutputTokenSeconds').value,
    );
    expect(decode.value * tpot.value).toBeCloseTo(first!, 4);
    expect(entryOf(row, 'modelBytes').adjustedBy).toBeUndefined();
  });

  test("whose slow tokens are a neighbour's are adjusted by how slow tokens were beside the lowest tenth", () => {
    const start = trial('a');
    const measurements = {
      ...start.measurements,
      coreShareRatio: single(1),
      foreignCores: single(0.5),
      processCores: single(1.5),
      systemBusyRatio: single(1),
      timePerOutputTokenSeconds: single(0.003),
      interTokenLatencyP10Seconds: single(0.001),
      interTokenLatencyP50Seconds: single(0.002),
    };
    const adjustedBy = (metric: string, own: ResultRecord['measurements']) => {
      const { calm, asMeasured } = entryOf(combineStarts([{ ...start, measurements: own }]), metric);
      return calm!.value / asMeasured!;
    };
    expect(adjustedBy(DECODE, measurements)).toBeCloseTo(3 * Math.exp(-0.12), 6);
    expect(adjustedBy('interTokenLatencyP50Seconds', measurements)).toBeCloseTo(Math.exp(0.1) / 2, 6);
    const idle = { ...measurements, foreignCores: single(0.03) };
    expect(adjustedBy(DECODE, idle)).toBeCloseTo(1, 9);
  });

  test('beside somebody who took a whole CPU have a calm interval over orders of magnitude, which no reading narrows', () => {
    const besides = (foreign: number) =>
      ['a', 'b', 'c'].map((id) => {
        const start = trial(id);
        const read = {
          coreShareRatio: 1,
          foreignCores: foreign,
          processCores: 2 - foreign,
          systemBusyRatio: 1,
        };
        const measurements = Object.fromEntries(
          Object.entries(read).map(([name, value]) => [name, single(value)]),
        );
        return { ...start, measurements: { ...start.measurements, ...measurements } };
      });
    const width = (foreign: number) => {
      const [low, high] = entryOf(combineStarts(besides(foreign)), 'prefillTokensPerSecond').calm!.ci95;
      return high / low;
    };
    expect(width(0.5)).toBeLessThan(30);
    expect(width(1)).toBeGreaterThan(100);
  });

  test('name each warning once, with how many of them carry it', () => {
    const noted = (id: string, ...codes: Parameters<typeof warn>[0][]) =>
      trial(id, 1, { warnings: codes.map((code) => warn(code, `${code} of ${id}`)) });
    const row = combineStarts([noted('a', 'clock-change'), noted('b', 'clock-change', 'affinity-unset')]);
    expect(row.warnings.map((w) => w.message)).toEqual([
      'clock-change of a',
      'affinity-unset of b (1 of 2 starts)',
    ]);
  });

  test('leave the error of an estimate as it is: it is that of the text', () => {
    const estimate = (value: number): ResultRecord['measurements'] => ({
      perplexity: {
        value,
        unit: 'ratio',
        n: 1,
        mean: value,
        median: value,
        stddev: null,
        cv: null,
        samples: null,
        ci95: [value - 1, value + 1],
        source: 'estimate',
      },
    });
    const row = combineStarts([
      trial('a', 1, { measurements: estimate(9) }),
      trial('b', 1, { measurements: estimate(9.001) }),
    ]);
    expect(entryOf(row, 'perplexity')).toMatchObject({ value: 9, ci95: [8, 10] });
  });

  test('what may be zero has an arithmetic mean', () => {
    const steal = (value: number): ResultRecord['measurements'] => ({ stealRatio: single(value) });
    const row = combineStarts([0, 0.01, 0.02].map((v, i) => trial(`${i}`, 1, { measurements: steal(v) })));
    expect(entryOf(row, 'stealRatio').value).toBeCloseTo(0.01, 12);
    expect(entryOf(row, 'stealRatio').ci95).not.toBeNull();
  });
});

test('one metric of a row that stands alone is what the whole row says of it', () => {
  const failed = recordOf(calmInput({ outcome: null }), { trialId: 'failed' });
  for (const starts of [[trial('a')], [trial('a'), trial('b', 1.2), trial('c', 1.4)], [failed]]) {
    const row = combineStarts(starts);
    for (const name of [...Object.keys(trial('a').measurements), 'no such metric'])
      expect([name, combinedEntry(starts, name)]).toEqual([name, row.measurements[name]]);
  }
});

test('invalid and failed trials are never on the Pareto front', () => {
  const marks = recordFront(
    [
      trial('invalid', 1, { valid: false }),
      trial('slow', 2),
      trial('fast'),
      recordOf(calmInput({ outcome: null }), { trialId: 'failed' }),
    ],
    [
      { metric: DECODE, better: 'max' },
      { metric: 'modelBytes', better: 'min' },
    ],
  );
  expect(marks.map((m) => m.onFront)).toEqual([false, false, true, false]);
  expect(marks[1]!.dominatedBy).toBe(2);
});

const driftIn = (records: readonly ResultRecord[]) =>
  driftOf(records.flatMap((record) => speedsOf(record) ?? []));

describe('drift of the machine', () => {
  /** Rows of three blocks, some parts of a percent apart, slower by a factor in each block. */
  const sweepOf = (slower: readonly number[], rows = 6) =>
    slower.flatMap((s, block) =>
      Array.from({ length: rows }, (_, r) => {
        const noise = 1 + (((r * 5 + block * 3) % 7) - 3) / 1000;
        return trial(`${r}/${block}`, s * noise, { ...inBlock(block), experimentId: `x${r}` });
      }),
    );

  test('is what all rows of a block do alike', () => {
    const drift = driftIn(sweepOf([1, 1.1, 1]));
    expect(drift).toMatchObject({ block: 2, blocks: 3 });
    expect(drift?.ratio).toBeCloseTo(1 / 1.1, 2);
    expect(drift?.p).toBeLessThan(0.05);
  });

  test('names the block that most rows speak of, not the one of a single start', () => {
    const alone = trial('last', 1.2, { ...inBlock(3), experimentId: 'x0' });
    expect(driftIn([...sweepOf([1, 1.1, 1]), alone])).toMatchObject({ block: 2, blocks: 4 });
  });

  test('counts blocks by time, in whatever order their records come', () => {
    expect(driftIn(sweepOf([1.1, 1, 1]).reverse())).toMatchObject({ block: 1, blocks: 3 });
    expect(driftIn(sweepOf([1, 1, 1.1]).reverse())).toMatchObject({ block: 3, blocks: 3 });
  });

  test('is seen by starts that are complete and valid, and by the drift control', () => {
    const control = trial('control', 1, { valid: false, ...inBlock(0, 'control') });
    expect(speedsOf(control)).not.toBeNull();
    expect(speedsOf(trial('row', 1, { valid: false, ...inBlock(0) }))).toBeNull();
    expect(speedsOf({ ...control, status: 'failed' })).toBeNull();
  });

  test('is less sure for every device that was looked at, too', () => {
    const other = { name: 'n2', hostname: 'n2', cpuModel: 'test', cores: 4, memoryBytes: 8e9 };
    const steady = sweepOf([1, 1, 1]).map((record) => ({ ...record, node: other }));
    const [alone, beside] = [driftIn(sweepOf([1, 1.1, 1])), driftIn([...steady, ...sweepOf([1, 1.1, 1])])];
    expect(beside).toMatchObject({ node: alone!.node, block: 2 });
    expect(beside!.p).toBeCloseTo(2 * alone!.p, 10);
  });

  test('is not said of a steady machine, nor of a difference nobody would act on', () => {
    expect(driftIn(sweepOf([1, 1, 1]))).toBeNull();
    expect(driftIn(sweepOf([1, 1.015, 1]))).toBeNull();
  });

  test('is not said of one block, nor of one row', () => {
    expect(driftIn(sweepOf([1]))).toBeNull();
    expect(driftIn(sweepOf([1, 1.2, 1], 1))).toBeNull();
  });

  test('two nodes that differ are no drift', () => {
    const other = { name: 'n2', hostname: 'n2', cpuModel: 'test', cores: 4, memoryBytes: 8e9 };
    const fast = sweepOf([1, 1]);
    const slow = sweepOf([2, 2]).map((record) => ({ ...record, node: other }));
    expect(driftIn([...fast, ...slow])).toBeNull();
  });
});
