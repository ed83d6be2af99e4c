import { describe, expect, test } from 'vitest';
import { baselineOf, baselineWarnings, IdleBaselines } from '../../../agent/meters/baseline.js';
import type { SampleSeries } from '../../../core/result/result.js';

const AT = new Date('2026-01-01T00:00:00Z');
const series = (quantity: string, valueAt: (t: number) => number): SampleSeries => {
  const seconds = Array.from({ length: 21 }, (_, i) => i / 10);
  return {
    meter: 'test',
    quantity,
    unit: '',
    kind: /Ratio|Watts/.test(quantity) ? 'gauge' : 'counter',
    periodSeconds: 0.1,
    seconds,
    values: seconds.map(valueAt),
  };
};
const idle = (watts: number) => [series('energyJoules:gpu', (t) => watts * t)];

describe('the idle baseline', () => {
  test('is read once for each sweep and device, and again after an hour', async () => {
    let now = 0;
    let asked = 0;
    const baselines = new IdleBaselines(() => now);
    const read = (watts: number) => () => {
      asked++;
      return idle(watts);
    };
    const first = await baselines.measuredOnce('s1', 'GPU-1', 0.001, read(40));
    expect(first?.watts.gpu).toBeCloseTo(40, 9);
    expect((await baselines.measuredOnce('s1', 'GPU-1', 0.001, read(99)))?.watts.gpu).toBeCloseTo(40, 9);
    expect((await baselines.measuredOnce('s1', 'GPU-2', 0.001, read(41)))?.watts.gpu).toBeCloseTo(41, 9);
    expect((await baselines.measuredOnce('s2', 'GPU-1', 0.001, read(42)))?.watts.gpu).toBeCloseTo(42, 9);
    now = 3601;
    expect((await baselines.measuredOnce('s1', 'GPU-1', 0.001, read(43)))?.watts.gpu).toBeCloseTo(43, 9);
    expect(asked).toBe(4);
    expect([baselines.has('s1', 'GPU-1'), baselines.has('s1', 'GPU-2')]).toEqual([true, false]);
    expect(await baselines.measuredOnce('s3', 'GPU-1', 0, read(1))).toBeNull();
  });

  test('says what ran meanwhile, and has a warning for it', () => {
    const quiet = baselineOf(
      [
        ...idle(40),
        series('systemBusyCpuSeconds', (t) => 0.15 * t),
        series('agentCpuSeconds', (t) => 0.1 * t),
      ],
      2,
      AT,
    );
    expect(quiet.busyCores).toBeCloseTo(0.05, 9);
    expect(baselineWarnings(quiet, 0.2)).toEqual([]);
    const busy = baselineOf(
      [
        ...idle(90),
        series('systemBusyCpuSeconds', (t) => 1.5 * t),
        series('deviceUtilizationRatio', () => 0.4),
      ],
      2,
      AT,
    );
    const [warning] = baselineWarnings(busy, 0.2);
    expect(warning).toMatchObject({ code: 'idle-busy', severity: 'note' });
    expect(warning?.message).toMatch(/1\.50 cores were busy.*device was busy for 40 %/);
    expect(baselineOf([], 2, AT)).toMatchObject({ watts: {}, busyCores: null, busyRatio: null });
  });

  test('a counter that begins anew and values that mean nothing give no idle power', () => {
    const reset = series('energyJoules:gpu', (t) => (t < 1 ? 500 + t : t));
    const blank = series('powerWatts:dram', (t) => (t > 0.95 && t < 1.05 ? 0xffffffff : 4));
    expect(baselineOf([reset, blank], 2, AT).watts).toEqual({ dram: 4 });
  });
});
