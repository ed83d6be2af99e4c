import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codes, judged, measured, reason, value } from './reading.js';
import { experiment, sampled, samplesWith, TRUTH, wattsAt } from './trace.js';

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

  test('without an idle baseline net energy is missing, gross is not', () => {
    const result = judged({ idleWatts: {} });
    expect(reason(result, 'energyNetJoules')).toMatch(/no idle power/);
    expect(value(result, 'energyJoules')).toBeCloseTo(880, 8);
  });

  test('a counter that stands still is below its resolution, not 0 J', () => {
    const result = judged({ samples: samplesWith({ 'energyJoules:gpu': () => 1234 }) });
    expect(reason(result, 'energyJoules')).toMatch(/below its resolution/);
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

  test('any power trace: phases add up to repeats, and repeats to what the counter grew by', () => {
    const watts = fc.array(fc.integer({ min: 20, max: 700 }), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(watts, (levels) => {
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
      }),
      { numRuns: 30 },
    );
  });
});
