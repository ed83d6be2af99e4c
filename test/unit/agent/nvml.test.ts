import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nvidiaDevices, shortName } from '../../../agent/device/gpu.js';
import { type Nvml, openNvml } from '../../../agent/device/nvml.js';
import { nvmlMeters } from '../../../agent/meters/nvml.js';

const gcc = spawnSync('gcc', ['--version']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-nvml-'));
const library = join(folder, 'libnvidia-ml.so.1');
const oldLibrary = join(folder, 'libnvidia-ml-old.so.1');

function compile(output: string, ...flags: string[]): void {
  const source = join(import.meta.dirname, '../../fixtures/nvml-stub.c');
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', ...flags, '-o', output, source]);
}

async function open(path = library): Promise<Nvml> {
  const search = await openNvml(path);
  if (!search.found) throw new Error(search.reason);
  return search.nvml;
}

/** The stub reads C's environment; Node writes process.env through to it. */
function stub(setting: string): void {
  process.env[`NVML_STUB_${setting}`] = '1';
}

describe.skipIf(!gcc)('NVML through a stub library (needs gcc)', () => {
  beforeAll(() => {
    compile(library);
    compile(oldLibrary, '-DOLD_THROTTLE_NAME');
    return () => rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (name.startsWith('NVML_STUB_')) delete process.env[name];
  });

  test('reads devices, units and states', async () => {
    const nvml = await open();
    expect(nvml.driverVersion).toBe('570.1');
    const [first, second] = nvml.devices;
    expect(first).toMatchObject({
      uuid: 'GPU-aaaa',
      name: 'NVIDIA H100 80GB HBM3',
      memoryBytes: 85899345920,
    });
    expect(second?.uuid).toBe('GPU-bbbb');
    const before = first!.energyJoules()!;
    expect(first!.energyJoules()! - before).toBeCloseTo(30, 9);
    expect(first!.powerWatts()).toBe(350.5);
    expect(first!.powerLimitWatts()).toBe(700);
    expect(first!.memoryUsedBytes()).toBe(3 * 2 ** 30);
    expect(first!.clockHertz()).toBe(1980e6);
    expect(first!.temperatureCelsius()).toBe(45);
    expect(first!.utilizationRatio()).toBe(0.87);
    expect(first!.throttleReasons()).toBe(0x40);
    expect([first!.inUse(), second!.inUse()]).toEqual([false, true]);
    nvml.close();
  });

  test('falls back from instantaneous to average power, then to the old call', async () => {
    const [device] = (await open()).devices;
    stub('AVERAGE');
    expect(device!.powerWatts()).toBe(340);
    stub('OLD');
    expect(device!.powerWatts()).toBe(333);
    expect(device!.energyJoules()).toBeNull();
  });

  test('finds the throttle reasons under their old name', async () => {
    const [device] = (await open(oldLibrary)).devices;
    expect(device!.throttleReasons()).toBe(0x4);
  });

  test('takes a sentinel for what it is: nothing', async () => {
    const [device] = (await open()).devices;
    stub('SENTINEL');
    expect(device!.energyJoules()).toBeNull();
    stub('OLD');
    expect(device!.powerWatts()).toBeNull();
  });

  test('says why a driver without GPUs, or without an answer, is of no use', async () => {
    stub('NO_GPU');
    expect(await openNvml(library)).toMatchObject({
      found: false,
      reason: expect.stringContaining('no GPU'),
    });
    stub('NO_INIT');
    expect(await openNvml(library)).toMatchObject({
      found: false,
      reason: expect.stringContaining('answer'),
    });
  });

  test('meters promise only what the GPU has', async () => {
    stub('OLD');
    const [energy, state] = nvmlMeters((await open()).devices[0]!);
    expect(energy!.quantities.map(({ name }) => name)).toEqual(['powerWatts:gpu']);
    expect(state!.read().map(({ quantity }) => quantity)).toEqual([
      'deviceMemoryBytes',
      'deviceClockHertz',
      'deviceUtilizationRatio',
      'deviceTemperatureCelsius',
      'throttleReasons',
    ]);
  });

  test('devices get their classes and an equal share of the CPUs', async () => {
    const devices = nvidiaDevices(await open(), [0, 1, 2, 3]);
    expect(devices.map(({ id, classes, cpus }) => ({ id, classes, cpus }))).toEqual([
      { id: 'GPU-aaaa', classes: ['cuda', 'cuda:h100'], cpus: [0, 1] },
      { id: 'GPU-bbbb', classes: ['cuda', 'cuda:h100'], cpus: [2, 3] },
    ]);
  });
});

test('without a driver there is a reason', async () => {
  expect(await openNvml('libno-such-library.so')).toEqual({ found: false, reason: 'no NVIDIA driver' });
});

test.each([
  ['NVIDIA H100 80GB HBM3', 'h100'],
  ['NVIDIA H200', 'h200'],
  ['NVIDIA A100-SXM4-80GB', 'a100'],
  ['NVIDIA GeForce RTX 4090', 'rtx-4090'],
  ['Tesla T4', 't4'],
  ['NVIDIA L40S', 'l40s'],
  ['NVIDIA H100 NVL', 'h100'],
])('%s is %s', (name, expected) => {
  expect(shortName(name)).toBe(expected);
});
