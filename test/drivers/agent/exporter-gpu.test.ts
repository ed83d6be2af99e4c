import { afterEach, describe, expect, test } from 'vitest';
import { agentMetrics } from '../../../agent/exporter/metrics.js';
import { openExported } from '../../../agent/exporter/sources.js';
import { plainText } from '../../../core/metrics/text.js';
import { trialContext } from '../../support/bench.js';
import {
  buildNvmlStub,
  canBuildStub,
  forgetStub,
  H100,
  openScripted,
  setStubTime,
} from '../../support/nvml-stub.js';

describe.skipIf(!canBuildStub)('an agent with two GPUs, through a stub library (needs gcc)', () => {
  afterEach(forgetStub);

  test('exports each of them by its own id, and the node’s sources once', async () => {
    const gpus = { 0: { uuid: 'GPU-aaaa', ...H100 }, 1: { uuid: 'GPU-bbbb', ...H100 } };
    const nvml = await openScripted(buildNvmlStub(), gpus, { clock: 'scripted' });
    setStubTime(0);
    const { meters: settings, profile } = trialContext();
    const devices = ['cpu0', 'GPU-aaaa', 'GPU-bbbb'].map((id) => ({ id }));
    const meters = openExported({ ...settings, energy: 'auto' }, { nvml }, devices);
    const spools = { spooledResults: () => 0, newerResults: () => 0 };
    const state = { profile, connected: () => true, runningOn: () => [], ...spools, meters };
    const text = plainText(agentMetrics(state)());
    for (const { meter } of meters) meter.close();
    for (const device of ['GPU-aaaa', 'GPU-bbbb']) {
      const labels = `node="${profile.name}",device="${device}"`;
      expect(text).toContain(`ridgepoint_device_power_watts{${labels},domain="gpu"} `);
      expect(text).toContain(`ridgepoint_device_energy_joules_total{${labels},domain="gpu"} `);
      expect(text).toContain(`ridgepoint_device_clock_hertz{${labels},clock="cores"} `);
      expect(text).toContain(`ridgepoint_device_memory_used_bytes{${labels}} `);
      expect(text).toContain(`ridgepoint_device_throttling{${labels},reason="hardware-slowdown"} `);
      expect(text).toContain(`ridgepoint_meter_missed_readings_total{${labels},meter="nvml"} 0\n`);
    }
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const names = series.map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(names).size).toBe(names.length);
  });
});
