import { describe, expect, test } from 'vitest';
import { caveatsOfMachine, caveatsOfReadings } from '../../../agent/roofs/caveats.js';
import { disturbedBetween } from '../../../agent/roofs/machine.js';
import { isConfirmed, isSettled, QuietRounds } from '../../../agent/roofs/take.js';
import type { Roofs } from '../../../core/result/roofs.js';

/** A machine of two CPUs, all of whose time up to then is told. */
const at = (seconds: number, busyCpuSeconds: number, stealCpuSeconds = 0, ownCpuSeconds = 0) => ({
  seconds,
  busyCpuSeconds,
  stealCpuSeconds,
  totalCpuSeconds: 2 * seconds,
  ownCpuSeconds,
});

describe('caveats about roofs', () => {
  test('a governor that saves power, and a system that says nothing', () => {
    expect(caveatsOfMachine('performance', true)).toEqual([]);
    expect(caveatsOfMachine(null, true)).toEqual([]);
    expect(caveatsOfMachine('powersave', true)).toEqual([expect.stringMatching(/governor is powersave/)]);
    expect(caveatsOfMachine(null, false)).toEqual([expect.stringMatching(/no \/proc\/stat/)]);
  });

  test('foreign load and steal disturb by the limits that trials have', () => {
    const before = at(0, 100);
    expect(disturbedBetween(before, at(20, 140, 0, 39.9))).toEqual([]);
    expect(disturbedBetween(before, at(20, 140, 0, 20))).toEqual([
      expect.stringMatching(
        /other processes used 1\.00 cores over 20\.0 s of measuring; the policy allows 0\.2/,
      ),
    ]);
    expect(disturbedBetween(before, at(20, 140, 4, 40))).toEqual([
      expect.stringMatching(/took 10\.0 % of the CPU time while measuring; the policy allows 2\.0 %/),
    ]);
    // What the counters cannot resolve over a short time is no disturbance.
    expect(disturbedBetween(before, at(0.1, 100.1, 0.02, 0))).toEqual([]);
    expect(disturbedBetween(null, before)).toEqual([]);
  });

  test('a round counts as quiet when nothing else ran and the clock held; the others are told', () => {
    const quiet = new QuietRounds();
    const round = (rate: number, ...reasons: string[]) => ({ rate, reasons });
    quiet.note(1, round(100));
    quiet.note(2, round(200, 'others ran'));
    quiet.note(1, round(97));
    quiet.note(2, round(150));
    expect([quiet.undisturbedRounds(1), quiet.undisturbedRounds(2), quiet.undisturbedRounds(4)]).toEqual([
      2, 0, 0,
    ]);
    expect(quiet.disturbed(2)).toEqual([
      '0 of 2 rounds with 2 threads undisturbed: the clock, or the share of the cores, fell by 25 %',
    ]);
    quiet.note(2, round(199));
    expect(quiet.undisturbedRounds(2)).toBe(1);
    expect(quiet.disturbed(1)).toEqual([]);
    expect(quiet.disturbed(3)).toHaveLength(1);
  });

  test('a roof is confirmed when its two best samples agree', () => {
    expect(isConfirmed({ kind: 'compute', samples: [100, 50, 99, 20] })).toBe(true);
    expect(isConfirmed({ kind: 'compute', samples: [100, 50, 90, 20] })).toBe(false);
    expect(isConfirmed({ kind: 'compute', samples: [100] })).toBe(false);
    expect(isConfirmed({ kind: 'launch', samples: [5, 1, 1.02] })).toBe(true);
    expect(isConfirmed({ kind: 'launch', samples: [5, 4.99, 1] })).toBe(false);
  });

  test('a roof is settled when it is confirmed and no lower than with fewer threads', () => {
    const f32 = (threads: number, samples: number[]) =>
      ({ kind: 'compute', arithmetic: 'f32', unit: 'vector', threads, samples }) as const;
    const one = f32(1, [100, 99]);
    expect(isSettled(one, [one, f32(2, [200, 190])])).toBe(true);
    expect(isSettled(f32(2, [200, 150]), [one])).toBe(false);
    expect(isSettled(f32(2, [60, 60]), [one])).toBe(false);
    expect(isSettled(f32(2, [97, 97]), [one])).toBe(true);
    expect(isSettled(f32(2, [60, 60]), [{ ...one, arithmetic: 'f64' }])).toBe(true);
    const launch = (threads: number, samples: number[]) => ({ kind: 'launch', threads, samples }) as const;
    expect(isSettled(launch(2, [5, 5]), [launch(1, [1, 1])])).toBe(true);
  });

  test('roofs that were reached once only, and roofs that fall with more threads, are named', () => {
    const reading = (value: number, next = value) => ({ value, samples: [value, next], cv: 0 });
    const roof = (threads: number, value: number, next = value): Roofs['bandwidth'][number] => ({
      level: 'memory',
      access: 'read',
      threads,
      workingSetBytes: 1,
      bytesPerSecond: reading(value, next),
    });
    const of = (bandwidth: Roofs['bandwidth']) =>
      caveatsOfReadings({ bandwidth, compute: [], launchSeconds: null });
    expect(of([roof(1, 20), roof(2, 40)])).toEqual([]);
    expect(of([roof(1, 20), roof(2, 40, 30)])).toEqual([
      'the best value was reached once only, so the roof may be higher: memory read at 2 threads',
    ]);
    expect(of([roof(1, 20), roof(2, 15)])).toEqual(['memory read is lower at 2 threads than at 1 thread']);
  });
});
