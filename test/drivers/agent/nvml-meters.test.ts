import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { energySourcesOf, findMeters } from '../../../agent/meters/index.js';
import type { Reading } from '../../../agent/meters/meter.js';
import { nvmlMeters, ProcessFamily } from '../../../agent/meters/nvml.js';
import { measurePeriods } from '../../../agent/meters/update-period.js';
import { temporaryFolder } from '../../support/folder.js';
import { lookedAtClock } from '../../support/looked-at-clock.js';
import {
  buildNvmlStub,
  canBuildStub,
  forgetStub,
  H100,
  openScripted,
  type ScriptedFields,
  setStubTime,
} from '../../support/nvml-stub.js';

const REFUSED = '!3';
const values = (readings: readonly Reading[]) =>
  Object.fromEntries(readings.map(({ quantity, value }) => [quantity, value]));
const target = (pid: number) => ({ processes: [{ pid }], deviceId: 'GPU-aaaa', cpus: [0] });

/** A /proc that holds parents: child → parent. */
function procOf(parents: Readonly<Record<number, number>>): string {
  const root = temporaryFolder();
  for (const [pid, parent] of Object.entries(parents)) {
    const path = join(root, pid, 'stat');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${pid} (a (b) c) S ${parent} 0 0`);
  }
  return root;
}

describe('the processes of a trial', () => {
  const used = (...pids: number[]) => pids.map((pid) => ({ pid, usedBytes: 100 }));
  const family = () => {
    const found = new ProcessFamily(procOf({ 50: 40, 40: 30, 30: 1, 60: 1 }));
    found.attach(target(30));
    return found;
  };

  test('are it and its descendants', () => {
    expect(family().use(used(50, 60))).toEqual({ ownBytes: 100, others: 1 });
    expect(family().use(used(30, 50))).toEqual({ ownBytes: 200, others: 0 });
  });

  test('cannot be told among numbers of another namespace', () => {
    expect(family().use(used(999_999))).toEqual({ ownBytes: null, others: null });
    expect(family().use([])).toEqual({ ownBytes: null, others: 0 });
    expect(family().use(null)).toBeNull();
    expect(new ProcessFamily().use(used(30))).toBeNull();
  });

  test('have no known memory as soon as one has none', () => {
    expect(family().use([...used(30), { pid: 50, usedBytes: null }])).toEqual({ ownBytes: null, others: 0 });
  });
});

describe.skipIf(!canBuildStub)('meters of a GPU (needs gcc)', () => {
  let library: string;
  beforeAll(() => {
    library = buildNvmlStub();
  });
  afterEach(forgetStub);

  const open = (changes: ScriptedFields = {}, others: Record<string, ScriptedFields> = {}) =>
    openScripted(library, { 0: { uuid: 'GPU-aaaa', ...H100, ...changes }, ...others }, { clock: 'scripted' });

  test('read everything a whole GPU tells', async () => {
    const processes = `${process.pid}:5000000,1:77`;
    const [device] = (await open({ processes })).devices;
    const [energy, state] = nvmlMeters(device!);
    setStubTime(1);
    expect(values(energy!.read())).toEqual({
      'energyJoules:gpu': 1350,
      'powerWatts:gpu': 350.5,
      'powerAverageWatts:gpu': 340,
      'powerWatts:device-memory': 60,
      deviceMemoryTemperatureCelsius: 58,
    });
    state!.attach(target(process.pid));
    expect(values(state!.read())).toEqual({
      deviceMemoryBytes: 3 * 2 ** 30,
      deviceClockHertz: 1980e6,
      deviceMemoryClockHertz: 2619e6,
      deviceUtilizationRatio: 0.87,
      deviceMemoryUtilizationRatio: 0.4,
      deviceTemperatureCelsius: 45,
      throttleReasons: 0,
      processDeviceMemoryBytes: 5000000,
      otherDeviceProcesses: 1,
    });
    const promised = new Set([...energy!.quantities, ...state!.quantities].map(({ name }) => name));
    expect(promised.size).toBe(14);
  });

  test('promise only what the GPU has, and count nothing else as refused', async () => {
    const [device] = (
      await open({ energy: REFUSED, 'power.instant': REFUSED, throttle: REFUSED, processes: REFUSED })
    ).devices;
    const [energy, state] = nvmlMeters(device!);
    expect(energy!.quantities.map(({ name }) => name)).toEqual([
      'powerAverageWatts:gpu',
      'powerWatts:device-memory',
      'deviceMemoryTemperatureCelsius',
    ]);
    expect(state!.quantities.map(({ name }) => name)).not.toContain('throttleReasons');
    energy!.read();
    state!.read();
    expect([...energy!.refused!(), ...state!.refused!()]).toEqual([]);
  });

  test('count what was promised and not given', async () => {
    const [device] = (
      await open({
        energy: { 0: 1000, 1: '18446744073709551615', 2: 3000 },
        'power.instant': { 0: 1000, 2: '!15' },
      })
    ).devices;
    setStubTime(0);
    const [energy] = nvmlMeters(device!);
    const seen = [0, 1, 2].map((seconds) => {
      setStubTime(seconds);
      return values(energy!.read())['energyJoules:gpu'];
    });
    expect(seen).toEqual([1, undefined, 3]);
    expect(energy!.refused!()).toEqual(
      new Map([
        ['energyJoules:gpu', 1],
        ['powerWatts:gpu', 1],
      ]),
    );
  });

  test('say on how many other GPUs the trial computes, when it rests', async () => {
    const own = { processes: `${process.pid}:1` };
    const nvml = await open(own, {
      1: { uuid: 'GPU-bbbb', ...H100, ...own },
      2: { uuid: 'GPU-cccc', ...H100 },
    });
    const [device, ...siblings] = nvml.devices;
    const [, state] = nvmlMeters(device!, siblings);
    expect(state!.readResting!()).toEqual([]);
    state!.attach(target(process.pid));
    expect(values(state!.readResting!())).toEqual({ otherDevicesUsed: 1 });
  });

  test('of a server on two GPUs add up both, and a third that it computes on is elsewhere', async () => {
    const own = (bytes: number) => ({ processes: `${process.pid}:${bytes},1:77` });
    const nvml = await open(own(5), {
      1: { uuid: 'GPU-bbbb', ...H100, ...own(7) },
      2: { uuid: 'GPU-cccc', ...H100, ...own(9) },
    });
    const settings = { energy: 'auto' as const, replayFile: null, procRoot: '/proc', sysRoot: '/nowhere' };
    const seen = ['GPU-aaaa', 'GPU-bbbb'];
    const { meters } = findMeters(settings, { nvml }, 'GPU-aaaa', 'on', seen);
    const [energy, state] = ['nvml', 'nvml-state'].map(
      (name) => meters.find((meter) => meter.name === name)!,
    );
    setStubTime(1);
    expect(values(energy!.read())).toMatchObject({ 'energyJoules:gpu': 2700, 'powerWatts:gpu': 701 });
    state!.attach(target(process.pid));
    expect(values(state!.read())).toMatchObject({
      deviceMemoryBytes: 6 * 2 ** 30,
      deviceUtilizationRatio: 0.87,
      deviceTemperatureCelsius: 45,
      processDeviceMemoryBytes: 12,
      // The same one on both.
      otherDeviceProcesses: 1,
    });
    expect(values(state!.readResting!())).toEqual({ otherDevicesUsed: 1 });
    for (const meter of meters) meter.close();
  });

  test('of a MIG instance give the board’s energy to nobody', async () => {
    const instance = { uuid: 'MIG-one', name: 'NVIDIA H100 80GB HBM3 MIG 1g.10gb', 'memory.total': 2 ** 33 };
    const nvml = await open({ mig: 1 }, { '0/0': instance });
    const settings = { energy: 'auto' as const, replayFile: null, procRoot: '/proc', sysRoot: '/nowhere' };
    const set = findMeters(settings, { nvml }, 'MIG-one', 'on');
    expect(energySourcesOf(set)).toEqual(['nvml:board', 'nvml:device-memory']);
    expect(set.absent.energy).toMatch(/MIG-one is a MIG instance.*whole board \(GPU-aaaa\)/);
    for (const meter of set.meters) meter.close();
  });

  test('have the period of their source measured', async () => {
    const nvml = await openScripted(
      library,
      { 0: { uuid: 'GPU-aaaa', ...H100, energy: '1000~35/0.02', 'power.instant': '1000~1/0.03' } },
      { clock: 'scripted' },
    );
    const limits = { burstSeconds: 0.01, totalSeconds: 1.5 };
    const pause = lookedAtClock(setStubTime);
    const periods = await measurePeriods(nvmlMeters(nvml.devices[0]!), limits, pause);
    vi.restoreAllMocks();
    const seconds = (quantity: string) => periods.get(quantity)?.seconds;
    expect(seconds('nvml/energyJoules:gpu')).toBeCloseTo(0.02, 3);
    expect(seconds('nvml/powerWatts:gpu')).toBeCloseTo(0.03, 3);
    expect(periods.get('nvml-state/deviceClockHertz')).toMatchObject({ seconds: null });
  });
});
