import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Phase } from '../../../core/result/result.js';
import type { Judgement } from '../../../judgement/evidence.js';
import { forAll } from '../../support/for-all.js';
import { codes, judged, measured, reason, value } from './reading.js';
import { experiment, joulesAt, phasesOf, sampled, samplesWith, TRUTH, wattsAt } from './trace.js';

describe('energy', () => {
  test('a node without a source says why, and nothing is 0', () => {
    const result = judged({
      samples: samplesWith({ 'energyJoules:gpu': null, 'powerWatts:gpu': null }),
      absent: { energy: 'no RAPL: /sys/class/powercap is empty' },
    });
    for (const name of [
      'energyJoules',
      'tokensPerJoule',
      'idlePowerWatts',
      'energyIntegralJoules',
    ] as const) {
      expect(reason(result, name)).toBe('no RAPL: /sys/class/powercap is empty');
    }
    expect(result.valid).toBe(true);
  });

  test('power alone is integrated and labelled so', () => {
    const result = judged({ samples: samplesWith({ 'energyJoules:gpu': null }) });
    expect(measured(result, 'energyJoules').source).toBe('integral:gpu');
    expect(value(result, 'energyJoules') / 880).toBeCloseTo(1, 1);
    expect(reason(result, 'energyIntegralJoules')).toMatch(/only one of/);
  });

  test('a counter and an integral that disagree are noted, and the counter is quoted', () => {
    const result = judged({ samples: samplesWith({ 'powerWatts:gpu': (t) => 0.6 * wattsAt(t) }) });
    expect(codes(result)).toEqual(['counter-integral-disagree']);
    expect(result.valid).toBe(true);
    expect(value(result, 'energyJoules')).toBeCloseTo(880, 8);
    expect(value(result, 'energyIntegralDifferenceRatio')).toBeCloseTo(-0.4, 1);
  });

  test('on a CPU packages and memory are added, psys and core never', () => {
    const result = judged({
      experiment: { ...experiment, device: 'cpu' },
      samples: samplesWith({
        'energyJoules:gpu': null,
        'powerWatts:gpu': null,
        'energyJoules:package-0': (t) => 10 * t,
        'energyJoules:package-1': (t) => 20 * t,
        'energyJoules:dram': (t) => 3 * t,
        'energyJoules:psys': (t) => 500 * t,
        'energyJoules:core': (t) => 7 * t,
      }),
      idleWatts: { 'package-0': 4, 'package-1': 5, dram: 1 },
    });
    expect(measured(result, 'energyJoules').source).toBe('counter:package-0+package-1+dram');
    expect(value(result, 'averagePowerWatts')).toBeCloseTo(33, 9);
    expect(value(result, 'idlePowerWatts')).toBe(10);
    const onlyPsys = judged({
      experiment: { ...experiment, device: 'cpu' },
      samples: samplesWith({ 'energyJoules:gpu': null, 'energyJoules:psys': (t) => 70 * t }),
    });
    expect(measured(onlyPsys, 'energyJoules').source).toBe('counter:psys');
  });

  test("a GPU's energy is never replaced by the CPU's", () => {
    const result = judged({
      samples: samplesWith({
        'energyJoules:gpu': null,
        'powerWatts:gpu': null,
        'energyJoules:package-0': (t) => 90 * t,
      }),
    });
    expect(reason(result, 'energyJoules')).toMatch(/no energy source of the cuda device/);
  });

  test('is told net of idle power, by token written and by token of both kinds', () => {
    const result = judged();
    expect(value(result, 'energyNetPerOutputTokenJoules')).toBeCloseTo((880 - 50 * 6) / 256, 8);
    expect(value(result, 'totalTokensPerJoule')).toBeCloseTo((1024 + 256) / 880, 8);
    expect(value(result, 'prefillEnergyPerTokenJoules')).toBeCloseTo(400 / 1024, 8);
    expect(value(result, 'decodeEnergyPerTokenJoules')).toBeCloseTo(480 / 256, 8);
    const unknown = judged({ idleWatts: {} });
    expect(reason(unknown, 'energyNetPerOutputTokenJoules')).toBe(
      'no idle power was taken before the trial for this energy source',
    );
  });

  test('without an idle baseline net energy is missing, gross is not', () => {
    const result = judged({ idleWatts: {} });
    expect(reason(result, 'energyNetJoules')).toMatch(/no idle power/);
    expect(value(result, 'energyJoules')).toBeCloseTo(880, 8);
  });

  test('a counter read more often than it changes: its steps are seen through, and its own period counts', () => {
    const stairs = (t: number) => 36 * Math.floor(t / 0.3 + 1e-9);
    const result = judged({ samples: samplesWith({ 'energyJoules:gpu': stairs, 'powerWatts:gpu': null }) });
    expect(value(result, 'prefillEnergyJoules')).toBeCloseTo(240, 6);
    expect(value(result, 'decodeEnergyJoules')).toBeCloseTo(480, 6);
    expect(codes(result)).toEqual(['window-too-short', 'window-too-short']);
    expect(result.warnings[1]!.message).toMatch(
      /decode lasts 4\.00 s, less than 20 update periods.*\(6\.0 s\)/,
    );
  });

  test('a fast counter that is read slowly is not full of gaps', () => {
    const samples = samplesWith({}).map((s) =>
      /:gpu$/.test(s.quantity) ? { ...s, periodSeconds: 0.001 } : s,
    );
    expect(judged({ samples }).warnings).toEqual([]);
  });

  test('repeats that readings do not cover are left out, and n says so', () => {
    const samples = samplesWith({ 'powerWatts:gpu': null }).map((s) => {
      if (s.quantity !== 'energyJoules:gpu') return s;
      const kept = s.seconds.flatMap((t, i) => (t < 20 ? [i] : []));
      return { ...s, seconds: kept.map((i) => s.seconds[i]!), values: kept.map((i) => s.values[i]!) };
    });
    expect(measured(judged({ samples }), 'energyJoules')).toMatchObject({
      n: 2,
      samples: [expect.closeTo(880, 6), expect.closeTo(880, 6)],
    });
  });

  test('a gap in the readings is noted', () => {
    const samples = samplesWith({}).map((s) => {
      if (s.quantity !== 'powerWatts:gpu' && s.quantity !== 'energyJoules:gpu') return s;
      const kept = s.seconds.flatMap((t, i) => (t > 4.75 && t < 5.55 ? [] : [i]));
      return { ...s, seconds: kept.map((i) => s.seconds[i]!), values: kept.map((i) => s.values[i]!) };
    });
    const result = judged({ samples });
    expect(codes(result)).toEqual(['meter-gap']);
    expect(result.warnings[0]!.message).toMatch(
      /0\.90 s apart in a window of 2\.0 s; without energy for it: prefill 1 of 5, decode 1 of 5/,
    );
    // Where the two meet inside the gap, their sum is known all the same.
    expect(measured(result, 'energyJoules')).toMatchObject({ n: 5, value: expect.closeTo(880, 6) });
    expect(measured(result, 'prefillEnergyJoules').n).toBe(4);
  });

  test('phases shorter than 20 periods of the source are noted with what that means', () => {
    const slow = samplesWith({}).map((s) => (/:gpu$/.test(s.quantity) ? { ...s, periodSeconds: 0.15 } : s));
    const result = judged({ samples: slow });
    expect(codes(result)).toEqual(['window-too-short']);
    expect(result.warnings[0]!.message).toMatch(/^prefill lasts 2\.00 s.*totals hold/);
    const slower = samplesWith({}).map((s) => (/:gpu$/.test(s.quantity) ? { ...s, periodSeconds: 2 } : s));
    expect(judged({ samples: slower }).warnings[0]!.message).toMatch(/uncertain/);
  });

  describe('readings that are wrong have a code, and no energy', () => {
    const onlyCounter = (valueAt: (t: number) => number) => ({
      samples: samplesWith({ 'energyJoules:gpu': valueAt, 'powerWatts:gpu': null }),
    });
    const energies = (result: Judgement) => measured(result, 'energyJoules').samples;
    /** The third repeat is from 17 s to 23 s. */
    const others = [880, 880, 880, 880].map((joules) => expect.closeTo(joules, 6));

    test('a counter that begins anew costs the repeat it fell into', () => {
      const result = judged(onlyCounter((t) => joulesAt(t) - (t >= 20 ? joulesAt(20) : 0)));
      expect(codes(result)).toEqual(['counter-reset']);
      expect(result.warnings[0]!.message).toMatch(/reset at 20\.000 s, inside.*repeat 1 of 5, decode 1 of 5/);
      expect(energies(result)).toEqual(others);
      expect(measured(result, 'prefillEnergyJoules').n).toBe(5);
    });

    test('between two repeats it costs nothing, and is told all the same', () => {
      const result = judged(onlyCounter((t) => joulesAt(t) - (t >= 16.5 ? joulesAt(16.5) : 0)));
      expect(codes(result)).toEqual(['counter-reset']);
      expect(measured(result, 'energyJoules').n).toBe(5);
    });

    test('a counter that hangs for a while costs the repeat it fell into', () => {
      const hung = (t: number) => joulesAt(t > 18.05 && t < 21 ? 18 : t);
      const result = judged(onlyCounter(hung));
      expect(codes(result)).toEqual(['counter-stuck']);
      expect(result.warnings[0]!.message).toMatch(/stood still from 18\.000 s to 20\.900 s/);
      expect(energies(result)).toEqual(others);
    });

    test('one that never moved gives none, and the integral of power is there beside it', () => {
      const result = judged({ samples: samplesWith({ 'energyJoules:gpu': () => 1234 }) });
      expect(codes(result)).toEqual(['counter-stuck']);
      expect(reason(result, 'energyJoules')).toMatch(/did not move .*below its resolution/);
      expect(value(result, 'energyIntegralJoules') / 880).toBeCloseTo(1, 1);
      expect(reason(result, 'energyIntegralDifferenceRatio')).toMatch(/no repeat is covered by both/);
    });

    test('values that mean "no value" are dropped, and counted', () => {
      const blank = (t: number) => (t > 3.95 && t < 4.05 ? 0xffffffff : joulesAt(t));
      const result = judged(onlyCounter(blank));
      expect(codes(result)).toEqual(['meter-sentinel']);
      expect(result.warnings[0]!.message).toMatch(/energyJoules:gpu \(1\)/);
      expect(value(result, 'energyJoules')).toBeCloseTo(880, 6);
    });

    test('readings of one moment are averaged, readings out of order are sorted', () => {
      const samples = samplesWith({ 'powerWatts:gpu': null }).map((s) =>
        s.quantity === 'energyJoules:gpu'
          ? {
              ...s,
              seconds: [
                ...s.seconds.slice(0, 9),
                s.seconds[8]!,
                s.seconds[10]!,
                s.seconds[9]!,
                ...s.seconds.slice(11),
              ],
              values: [
                ...s.values.slice(0, 9),
                s.values[8]!,
                s.values[10]!,
                s.values[9]!,
                ...s.values.slice(11),
              ],
            }
          : s,
      );
      const result = judged({ samples });
      expect(codes(result)).toEqual(['meter-duplicate', 'meter-disorder']);
      expect(value(result, 'energyJoules')).toBeCloseTo(880, 6);
    });

    test('readings that end too early leave out what they do not cover', () => {
      const samples = samplesWith({ 'powerWatts:gpu': null }).map((s) => {
        if (s.quantity !== 'energyJoules:gpu') return s;
        const kept = s.seconds.filter((t) => t < 20).length;
        return { ...s, seconds: s.seconds.slice(0, kept), values: s.values.slice(0, kept) };
      });
      const result = judged({ samples });
      expect(codes(result)).toEqual(['meter-uncovered']);
      expect(result.warnings[0]!.message).toMatch(/repeat 3 of 5, prefill 2 of 5, decode 3 of 5/);
    });

    test("two GPUs: the other one's energy is not the trial's, and without knowing which there is none", () => {
      const beside = judged({ samples: samplesWith({ 'energyJoules:gpu-1': (t) => 300 * t }) });
      expect(codes(beside)).toEqual(['other-device']);
      expect(value(beside, 'energyJoules')).toBeCloseTo(880, 6);
      const which = judged({
        samples: samplesWith({
          'energyJoules:gpu': null,
          'powerWatts:gpu': null,
          'energyJoules:gpu-0': (t) => joulesAt(t),
          'energyJoules:gpu-1': (t) => 300 * t,
        }),
      });
      expect(codes(which)).toEqual(['other-device']);
      expect(reason(which, 'energyJoules')).toMatch(/2 GPUs \(gpu-0, gpu-1\)/);
    });

    test('what another GPU took is nobody’s: a trial that also computed there has no energy', () => {
      const on = (gpus: number) => judged({ samples: samplesWith({ otherDevicesUsed: () => gpus }) });
      expect(codes(on(1))).toEqual(['energy-elsewhere']);
      expect(reason(on(1), 'energyJoules')).toBe(
        "the trial's processes also computed on another GPU, whose energy was not read",
      );
      expect(reason(on(3), 'prefillEnergyJoules')).toContain('on 3 other GPUs');
      expect(value(on(0), 'energyJoules')).toBeCloseTo(880, 6);
    });

    test("a MIG instance has no energy of its own: the board's is not its", () => {
      const result = judged({
        samples: samplesWith({
          'energyJoules:gpu': null,
          'powerWatts:gpu': null,
          'energyJoules:board': (t) => joulesAt(t),
        }),
      });
      expect(codes(result)).toEqual(['energy-shared']);
      expect(reason(result, 'energyJoules')).toMatch(/of the whole board/);
    });
  });

  describe('windows that are too short for the source', () => {
    /** The calm trial's counter, renewed every two seconds: 40 s would be needed. */
    const slow = (phases: readonly Phase[]) =>
      samplesWith({ 'powerWatts:gpu': null }, phases).map((s) =>
        s.quantity === 'energyJoules:gpu' ? { ...s, periodSeconds: 1.5 } : s,
      );

    test('are replaced by the work repeated without a pause, each phase by its own', () => {
      const last = Math.max(...phasesOf().map((p) => p.endSeconds));
      const loop = (name: 'prefill' | 'decode', repeat: number, start: number, times: number): Phase => ({
        name: `energy-${name}`,
        repeat,
        startSeconds: start,
        endSeconds: start + 40,
        tokens: times * (name === 'prefill' ? 1024 : 256),
        times,
      });
      const loops = [0, 1, 2].flatMap((i) => [
        loop('prefill', i, last + 1 + 90 * i, 20),
        loop('decode', i, last + 45 + 90 * i, 10),
      ]);
      // 200 W in prefills and 120 W in decodes, as in the timed repeats.
      const watts = (t: number) => {
        const name = loops.find((p) => p.startSeconds <= t && t < p.endSeconds)?.name;
        return name === 'energy-prefill' ? 200 : name === 'energy-decode' ? 120 : wattsAt(t);
      };
      const phases = [...phasesOf(), ...loops];
      const end = Math.max(...phases.map((p) => p.endSeconds));
      const grid: number[] = [0];
      for (let i = 1; i <= (end + 1) * 10; i++) grid.push(grid[i - 1]! + watts((i - 0.5) / 10) / 10);
      const samples = slow(phases).map((s) =>
        s.quantity === 'energyJoules:gpu'
          ? { ...s, values: s.seconds.map((t) => grid[Math.round(t * 10)]!) }
          : s,
      );
      const result = judged({ phases, samples });
      expect(codes(result)).toEqual([]);
      expect(measured(result, 'prefillEnergyJoules')).toMatchObject({
        source: 'counter:gpu:lengthened',
        n: 3,
        value: expect.closeTo(400, 6),
      });
      expect(value(result, 'decodeEnergyJoules')).toBeCloseTo(480, 6);
      expect(value(result, 'energyJoules')).toBeCloseTo(880, 6);
      expect(value(result, 'prefillEnergyPerTokenJoules')).toBeCloseTo(400 / 1024, 8);
      expect(value(result, 'decodeEnergyPerTokenJoules')).toBeCloseTo(480 / 256, 8);
      expect(value(result, 'averagePowerWatts')).toBeCloseTo(880 / 6, 6);
      expect(value(result, 'energyNetJoules')).toBeCloseTo(880 - 6 * 50, 6);
    });

    test('repeats are joined until they are long enough, and phases of less than two periods have no energy', () => {
      const result = judged({
        samples: samplesWith({ 'powerWatts:gpu': null }).map((s) =>
          s.quantity === 'energyJoules:gpu' ? { ...s, periodSeconds: 1.2 } : s,
        ),
      });
      // 24 s are needed and 30 s are there: all repeats together.
      expect(measured(result, 'energyJoules')).toMatchObject({ source: 'counter:gpu:joined', n: 1 });
      expect(value(result, 'energyJoules')).toBeCloseTo(880, 6);
      expect(reason(result, 'prefillEnergyJoules')).toMatch(/shorter than two update periods/);
      expect(value(result, 'decodeEnergyJoules')).toBeCloseTo(480, 6);
      expect(codes(result)).toEqual(['window-too-short', 'window-too-short']);
    });
  });

  test('grams of CO2e follow from a stated grid intensity, and from nothing else', () => {
    expect(value(judged(), 'carbonGrams')).toBeCloseTo((880 / 3.6e6) * 360, 12);
    expect(value(judged(), 'carbonPerOutputTokenGrams')).toBeCloseTo((880 / 3.6e6) * (360 / 256), 12);
    expect(reason(judged({ grid: null }), 'carbonGrams')).toMatch(/states a grid intensity/);
  });

  test('any power trace: phases add up to repeats, and repeats to what the counter grew by', () => {
    const watts = fc.array(fc.integer({ min: 20, max: 700 }), { minLength: 60, maxLength: 60 });
    forAll(30, [watts], (levels) => {
      // Power changes every second at will; the counter is its exact running sum.
      const energy = (t: number) => {
        const whole = Math.floor(t + 1e-9);
        return levels.slice(0, whole).reduce((s, w) => s + w, 0) + (t - whole) * (levels[whole] ?? 0);
      };
      const result = judged({ samples: [sampled('energyJoules:gpu', 'counter', energy)] });
      const [whole, prefill, decode] = (
        ['energyJoules', 'prefillEnergyJoules', 'decodeEnergyJoules'] as const
      ).map((name) => measured(result, name).samples!);
      for (let r = 0; r < TRUTH.repeats; r++) {
        const start = 3 + 7 * r;
        expect(prefill![r]).toBeCloseTo(energy(start + 2) - energy(start), 6);
        expect(whole![r]).toBeCloseTo(energy(start + 6) - energy(start), 6);
        expect(prefill![r]! + decode![r]!).toBeCloseTo(whole![r]!, 6);
      }
    });
  });
});
