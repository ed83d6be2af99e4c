import { describe, expect, test } from 'vitest';
import { doubtsOfMachine, doubtsOfReadings } from '../../../agent/roofs/doubts.js';
import { isConfirmed, isSettled } from '../../../agent/roofs/take.js';
import type { Roofs } from '../../../core/result/roofs.js';

const at = (seconds: number, busyCpuSeconds: number, stealCpuSeconds = 0, ownCpuSeconds = 0) => ({
  seconds,
  busyCpuSeconds,
  stealCpuSeconds,
  ownCpuSeconds,
});
const calm = {
  before: at(0, 100),
  after: at(20, 140),
  childCpuSeconds: 39.9,
  cpus: 2,
  governor: 'performance',
};

describe('doubts about roofs', () => {
  test('none on a quiet machine', () => {
    expect(doubtsOfMachine(calm)).toEqual([]);
    expect(doubtsOfMachine({ ...calm, governor: null })).toEqual([]);
  });

  test('foreign load, steal, a governor that saves power, and a system that says nothing', () => {
    expect(doubtsOfMachine({ ...calm, childCpuSeconds: 20 })).toEqual([
      expect.stringMatching(/other processes used 1\.0 cores/),
    ]);
    expect(doubtsOfMachine({ ...calm, after: at(20, 140, 4) })).toEqual([
      expect.stringMatching(/took 10 % of the CPU time meanwhile \(steal\)/),
    ]);
    expect(doubtsOfMachine({ ...calm, governor: 'powersave' })).toEqual([
      expect.stringMatching(/governor is powersave/),
    ]);
    expect(doubtsOfMachine({ ...calm, before: null })).toEqual([expect.stringMatching(/no \/proc\/stat/)]);
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
      doubtsOfReadings({ bandwidth, compute: [], launchSeconds: null });
    expect(of([roof(1, 20), roof(2, 40)])).toEqual([]);
    expect(of([roof(1, 20), roof(2, 40, 30)])).toEqual([
      'the best value was reached once only, so the roof may be higher: memory read at 2 threads',
    ]);
    expect(of([roof(1, 20), roof(2, 15)])).toEqual(['memory read is lower at 2 threads than at 1 thread']);
  });
});
