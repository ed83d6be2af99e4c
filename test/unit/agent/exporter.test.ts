import { expect, test } from 'vitest';
import { type AgentState, agentMetrics } from '../../../agent/exporter/metrics.js';
import { exportedReadings } from '../../../agent/exporter/readings.js';
import { openExported } from '../../../agent/exporter/sources.js';
import { findMeters, measuresEnergy } from '../../../agent/meters/index.js';
import type { Meter, Reading } from '../../../agent/meters/meter.js';
import { AGENT_METRICS } from '../../../core/metrics/exported.js';
import { plainText } from '../../../core/metrics/text.js';
import { throttleNames } from '../../../judgement/clocks.js';
import { trialContext } from '../../support/bench.js';
import { tree } from '../../support/system-tree.js';

type Values = Readonly<Record<string, number>>;

/** A meter that gives these quantities, whatever it promises. */
function meter(name: Meter['name'], promised: readonly string[], read: () => Values): Meter {
  return {
    name,
    quantities: promised.map((quantity) => ({ name: quantity, unit: '', kind: 'gauge', domain: null })),
    periodSeconds: 0.5,
    read: () => Object.entries(read()).map(([quantity, value]): Reading => ({ quantity, seconds: 0, value })),
    attach() {},
    close() {},
  };
}

function textOf(meters: AgentState['meters']): () => string {
  const read = agentMetrics({
    profile: { ...trialContext().profile, name: 'n1' },
    connected: () => false,
    runningOn: () => ['cpu0'],
    spooledResults: () => 2,
    newerResults: () => 1,
    meters,
  });
  return () => plainText(read());
}

test('energy of the node is a counter that shows the source’s own count, by domain, at every scrape', () => {
  let values: Values = { 'energyJoules:package-0': 100, 'energyJoules:dram-0': 7, processCpuSeconds: 1 };
  let reads = 0;
  const rapl = meter('rapl', ['energyJoules:package-0', 'energyJoules:dram-0'], () => {
    reads += 1;
    return values;
  });
  const text = textOf([{ device: null, meter: rapl }]);
  const first = text();
  expect(reads).toBe(1);
  expect(first).toContain('# TYPE ridgepoint_node_energy_joules_total counter');
  expect(first).toContain('ridgepoint_node_energy_joules_total{node="n1",domain="package-0"} 100\n');
  expect(first).toContain('ridgepoint_node_energy_joules_total{node="n1",domain="dram-0"} 7\n');
  expect(first).toMatch(/^ridgepoint_agent_running_trials\{node="n1"\} 1$/m);
  expect(first).toMatch(/^ridgepoint_agent_spooled_results\{node="n1"\} 2$/m);
  expect(first).toMatch(/^ridgepoint_agent_newer_results\{node="n1"\} 1$/m);
  expect(first).toMatch(/^ridgepoint_agent_connected\{node="n1"\} 0$/m);
  expect(first).toMatch(/^ridgepoint_device_busy\{node="n1",device="cpu0"\} 1$/m);
  values = { 'energyJoules:package-0': 130, 'energyJoules:dram-0': 7 };
  expect(text()).toContain('ridgepoint_node_energy_joules_total{node="n1",domain="package-0"} 130\n');
});

test('each GPU has its own power, clocks and reasons for a lower clock', () => {
  const quantities = {
    'energyJoules:gpu': 5000,
    'powerWatts:gpu': 250,
    'powerAverageWatts:gpu': 240,
    deviceMemoryBytes: 3e9,
    deviceClockHertz: 1.7e9,
    deviceMemoryClockHertz: 2.6e9,
    deviceTemperatureCelsius: 61,
    // Software power cap, and a reason that is none: the clock is low because nothing runs.
    throttleReasons: 4 + 1,
  };
  const gpu = (watts: number) =>
    meter('nvml', Object.keys(quantities), () => ({ ...quantities, 'powerWatts:gpu': watts }));
  const text = textOf([
    { device: 'GPU-a', meter: gpu(250) },
    { device: 'GPU-b', meter: gpu(90) },
  ])();
  for (const line of [
    'device_power_watts{node="n1",device="GPU-a",domain="gpu"} 250',
    'device_power_watts{node="n1",device="GPU-b",domain="gpu"} 90',
    'device_power_watts{node="n1",device="GPU-a",domain="gpu-average"} 240',
    'device_energy_joules_total{node="n1",device="GPU-a",domain="gpu"} 5000',
    'device_memory_used_bytes{node="n1",device="GPU-a"} 3000000000',
    'device_clock_hertz{node="n1",device="GPU-a",clock="memory"} 2600000000',
    'device_throttling{node="n1",device="GPU-a",reason="software-power-cap"} 1',
    'device_throttling{node="n1",device="GPU-a",reason="hardware-thermal-limit"} 0',
  ]) {
    expect(text).toContain(`ridgepoint_${line}\n`);
  }
});

test('each reason for a lower clock is told by its own bit, whatever other bits are set', () => {
  const told = (value: number) =>
    exportedReadings('GPU-a', { quantity: 'throttleReasons', value })
      .filter((reading) => reading.value === 1)
      .map(({ labels }) => labels.reason);
  const known = throttleNames().map(({ bit, name }) => ({ bit, reason: name.replaceAll(' ', '-') }));
  for (const { bit, reason } of known) {
    expect(told(bit)).toEqual([reason]);
    // Beside it bits that are no reason, one of them beyond 32 bits.
    expect(told(1 + bit + 2 ** 40)).toEqual([reason]);
  }
  expect(told(0)).toEqual([]);
  expect(told(known.reduce((sum, { bit }) => sum + bit, 0))).toEqual(known.map(({ reason }) => reason));
});

test('a quantity that a meter has and did not give is absent, and counted as missed', () => {
  let here = true;
  const flaky = meter('rapl', ['energyJoules:package-0'], () =>
    here ? { 'energyJoules:package-0': 1 } : ({} as Values),
  );
  const text = textOf([{ device: null, meter: flaky }]);
  const missed = 'ridgepoint_meter_missed_readings_total{node="n1",device="",meter="rapl"}';
  expect(text()).toContain(`${missed} 0\n`);
  here = false;
  text();
  const third = text();
  expect(third).toContain(`${missed} 2\n`);
  expect(third).not.toContain('energy_joules');
  expect(third).toContain('ridgepoint_meter_period_seconds{node="n1",device="",meter="rapl"} 0.5\n');
});

test('what no meter has is not exposed, rather than 0; nothing is exposed that the catalogue has not', () => {
  const text = textOf([])();
  expect(text).not.toContain('energy_joules');
  expect(text).not.toContain('power_watts');
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(AGENT_METRICS.map(({ name }) => name as string)).toEqual(expect.arrayContaining(names));
});

test('meters that every device has are opened once, for the node', () => {
  const { meters, nvml, profile } = trialContext();
  const found = openExported(meters, nvml, [...profile.devices, { id: 'another' }]);
  const names = found.map(({ meter: { name } }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(found.every(({ device }) => device === null)).toBe(true);
  for (const { meter: one } of found) one.close();
});

test('an energy counter that stood still at the agent’s start is exported no more than trials have it', () => {
  const { nvml, profile } = trialContext();
  const sysRoot = tree({
    'class/powercap/intel-rapl:0/name': 'package-0\n',
    'class/powercap/intel-rapl:0/max_energy_range_uj': '262143000000\n',
    'class/powercap/intel-rapl:0/energy_uj': '5000000\n',
  });
  const sourcesWith = (changes: number) => {
    const seen = { seconds: null, changes, reason: `it changed ${changes} times in 1.5 s` };
    const periods = { node: new Map([['rapl/energyJoules:package-0', seen]]), devices: new Map() };
    const settings = { ...trialContext().meters, sysRoot, periods };
    const exported = openExported(settings, nvml, profile.devices).map(({ meter: one }) => one);
    const ofTrial = findMeters(settings, nvml, profile.devices[0]!.id, 'on').meters;
    const names = [exported, ofTrial].map((meters) => meters.filter(measuresEnergy).map(({ name }) => name));
    for (const one of [...exported, ...ofTrial]) one.close();
    return names;
  };
  expect(sourcesWith(0)).toEqual([[], []]);
  expect(sourcesWith(2)).toEqual([['rapl'], ['rapl']]);
});
