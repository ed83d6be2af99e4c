import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { nvmlMeters } from '../../agent/meters/nvml.js';
import { Recorder } from '../../agent/meters/recorder.js';
import { measurePeriods } from '../../agent/meters/update-period.js';
import { energySources } from '../../core/metrics/energy.js';
import { cleanSeries } from '../../core/metrics/series.js';
import { openNvml } from '../../process/device/nvml.js';

const search = await openNvml();
const whole = search.found ? search.nvml.devices.filter(({ board }) => board === null) : [];

test.skipIf(whole.length === 0)(
  'a real GPU: periods are seen, and its counter and the integral of its power agree (needs an NVIDIA GPU)',
  async () => {
    const [device] = whole;
    const meters = nvmlMeters(device!);
    const periods = await measurePeriods(meters);
    expect(device!.memoryBytes).toBeGreaterThan(2 ** 30);
    expect(device!.memoryUsedBytes()).toBeLessThanOrEqual(device!.memoryBytes);
    expect(device!.throttleReasons()).not.toBeNull();
    const recorder = new Recorder(meters, periods);
    recorder.start();
    await sleep(6000);
    recorder.stop();
    const series = recorder.series(0).map(cleanSeries);
    const names = series.map(({ quantity }) => quantity);
    expect(names).toContain('deviceClockHertz');
    if (!names.includes('energyJoules:gpu')) return;
    expect(periods.get('nvml/energyJoules:gpu')?.seconds).toBeLessThan(0.5);
    const { primary, crossCheck } = energySources(series, 'cuda');
    const { seconds } = series[0]!;
    const window = [{ startSeconds: seconds[5]!, endSeconds: seconds.at(-6)! }];
    const counter = primary!.joules(window).value!;
    expect(counter).toBeGreaterThan(0);
    const integral = crossCheck?.joules(window).value;
    if (typeof integral === 'number') expect(Math.abs(integral / counter - 1)).toBeLessThan(0.15);
  },
  20_000,
);
