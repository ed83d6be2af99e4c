import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { nvidiaDevices, shortName } from '../../../process/device/gpu.js';
import { type NvmlDevice, openNvml } from '../../../process/device/nvml.js';
import {
  buildNvmlStub,
  canBuildStub,
  forgetStub,
  H100,
  openScripted,
  type ScriptedFields,
  setStubTime,
  writeScript,
} from '../../support/nvml-stub.js';

const REFUSED = '!3';
const ALL_ONES = '18446744073709551615';

describe.skipIf(!canBuildStub)('NVML through a stub library (needs gcc)', () => {
  let library: string;
  beforeAll(() => {
    library = buildNvmlStub();
  });
  afterEach(forgetStub);

  const gpu = (changes: ScriptedFields = {}): ScriptedFields => ({ uuid: 'GPU-aaaa', ...H100, ...changes });
  async function device(changes: ScriptedFields = {}): Promise<NvmlDevice> {
    const nvml = await openScripted(library, { 0: gpu(changes) }, { clock: 'scripted' });
    setStubTime(0);
    return nvml.devices[0]!;
  }

  test('reads devices, units and states', async () => {
    const nvml = await openScripted(
      library,
      { 0: gpu(), 1: gpu({ uuid: 'GPU-bbbb', processes: '7:1024' }) },
      { clock: 'scripted' },
    );
    expect(nvml.driverVersion).toBe('570.1');
    const [first, second] = nvml.devices;
    expect(first).toMatchObject({
      uuid: 'GPU-aaaa',
      name: 'NVIDIA H100 80GB HBM3',
      memoryBytes: 85899345920,
      board: null,
    });
    expect(second?.uuid).toBe('GPU-bbbb');
    expect(first!.energyJoules()).toBe(1000);
    setStubTime(0.25);
    expect(first!.energyJoules()).toBe(1070);
    expect(first!.fields()).toEqual({
      powerWatts: 350.5,
      averagePowerWatts: 340,
      modulePowerWatts: null,
      memoryPowerWatts: 60,
      memoryTemperatureCelsius: 58,
    });
    expect(first!.powerLimitWatts()).toBe(700);
    expect(first!.memoryUsedBytes()).toBe(3 * 2 ** 30);
    expect(first!.clockHertz()).toBe(1980e6);
    expect(first!.memoryClockHertz()).toBe(2619e6);
    expect(first!.temperatureCelsius()).toBe(45);
    expect(first!.utilization()).toEqual({ compute: 0.87, memory: 0.4 });
    expect(first!.throttleReasons()).toBe(0);
    expect([first!.inUse(), second!.inUse()]).toEqual([false, true]);
    nvml.close();
  });

  describe('power of the moment and of the second before are told apart', () => {
    const withoutFields = { 'power.instant': REFUSED, 'power.average': REFUSED };
    test.each([
      ['both fields', {}, 350.5, 340],
      [
        'the field of the average alone, and the old call says the same',
        { 'power.instant': REFUSED },
        null,
        340,
      ],
      ['an Ampere that is no GA100, the old call alone', { ...withoutFields, capability: '8.6' }, null, 333],
      ['a Hopper, the old call alone', withoutFields, null, 333],
      ['a GA100, the old call alone', { ...withoutFields, capability: '8.0' }, 333, null],
      ['a Turing, the old call alone', { ...withoutFields, capability: '7.5' }, 333, null],
      ['nobody knows what it is', { ...withoutFields, capability: REFUSED }, null, 333],
      ['nothing', { ...withoutFields, 'power.usage': REFUSED }, null, null],
    ])('%s', async (_, changes, powerWatts, averagePowerWatts) => {
      expect((await device(changes)).fields()).toMatchObject({ powerWatts, averagePowerWatts });
    });

    test('a superchip whose module alone is metered', async () => {
      const module = await device({ ...withoutFields, 'power.usage': REFUSED, 'power.module': 612000 });
      expect(module.fields()).toMatchObject({ powerWatts: null, modulePowerWatts: 612 });
    });
  });

  test('a field that is refused for a while is null for that while', async () => {
    const refused = await device({ 'power.instant': { 0: 350500, 1: REFUSED, 2: 360000 } });
    const seen = [0, 1.5, 2].map((seconds) => {
      setStubTime(seconds);
      return refused.fields().powerWatts;
    });
    expect(seen).toEqual([350.5, null, 360]);
  });

  test('finds the throttle reasons under their old name', async () => {
    const old = buildNvmlStub('-DOLD_THROTTLE_NAME');
    const nvml = await openScripted(old, { 0: gpu({ throttle: 0x4 }) });
    expect(nvml.devices[0]!.throttleReasons()).toBe(0x4);
  });

  test('asks an older driver for memory in the older way', async () => {
    const old = await device({ 'memory.reserved': REFUSED });
    expect(old.memoryBytes).toBe(85899345920);
    expect(old.memoryUsedBytes()).toBe(3 * 2 ** 30);
  });

  test('takes a sentinel for what it is: nothing', async () => {
    const blank = await device({
      energy: ALL_ONES,
      'power.instant': 2 ** 32 - 1,
      'memory.used': '9223372036854775794',
      'clock.sm': 2 ** 32 - 1,
      utilization: 255,
    });
    expect(blank.energyJoules()).toBeNull();
    expect(blank.fields().powerWatts).toBeNull();
    expect(blank.memoryUsedBytes()).toBeNull();
    expect(blank.clockHertz()).toBeNull();
    expect(blank.utilization()).toBeNull();
  });

  describe('processes', () => {
    test('are listed with their memory, or without where the driver does not say', async () => {
      const used = await device({ processes: '41:1073741824,42:?' });
      expect(used.processes()).toEqual([
        { pid: 41, usedBytes: 2 ** 30 },
        { pid: 42, usedBytes: null },
      ]);
    });

    test('are all listed, however many they are', async () => {
      const many = await device({
        processes: Array.from({ length: 100 }, (_, pid) => `${pid}:${pid}`).join(','),
      });
      expect(many.processes()?.map(({ pid }) => pid)).toEqual(Array.from({ length: 100 }, (_, pid) => pid));
    });

    test('are not known where the driver refuses', async () => {
      const closed = await device({ processes: REFUSED });
      expect([closed.processes(), closed.inUse()]).toEqual([null, null]);
    });
  });

  describe('a GPU in MIG mode', () => {
    const mig = { mig: 1, utilization: REFUSED };
    const instance = (uuid: string) => ({
      uuid,
      name: 'NVIDIA H100 80GB HBM3 MIG 1g.10gb',
      'memory.total': 10 * 2 ** 30,
      'memory.used': 2 ** 30,
      processes: '5:77',
    });

    test('is its instances, whose memory is theirs and whose power is the board’s', async () => {
      const nvml = await openScripted(library, {
        0: gpu(mig),
        '0/0': instance('MIG-one'),
        '0/3': instance('MIG-two'),
        1: gpu({ uuid: 'GPU-bbbb' }),
      });
      expect(nvml.devices.map(({ uuid, board }) => [uuid, board])).toEqual([
        ['MIG-one', 'GPU-aaaa'],
        ['MIG-two', 'GPU-aaaa'],
        ['GPU-bbbb', null],
      ]);
      const [one] = nvml.devices;
      expect(one!.memoryBytes).toBe(10 * 2 ** 30);
      expect(one!.memoryUsedBytes()).toBe(2 ** 30);
      expect(one!.processes()).toEqual([{ pid: 5, usedBytes: 77 }]);
      expect(one!.utilization()).toBeNull();
      expect(one!.fields().powerWatts).toBe(350.5);
      expect(one!.clockHertz()).toBe(1980e6);
      expect(nvidiaDevices(nvml, [0, 1, 2]).map(({ id, classes }) => [id, classes[1]])).toEqual([
        ['MIG-one', 'cuda:h100-1g.10gb'],
        ['MIG-two', 'cuda:h100-1g.10gb'],
        ['GPU-bbbb', 'cuda:h100'],
      ]);
    });

    test('without instances is of no use, and the reason says so', async () => {
      process.env.NVML_STUB_SCRIPT = writeScript({ 0: gpu(mig) });
      expect(await openNvml(library)).toMatchObject({
        found: false,
        reason: expect.stringContaining('no instances'),
      });
    });
  });

  test('says why a driver without GPUs, or without an answer, is of no use', async () => {
    process.env.NVML_STUB_SCRIPT = writeScript({}, { count: 0 });
    expect(await openNvml(library)).toMatchObject({
      found: false,
      reason: expect.stringContaining('no GPU'),
    });
    process.env.NVML_STUB_SCRIPT = writeScript({}, { init: '!9' });
    expect(await openNvml(library)).toMatchObject({
      found: false,
      reason: expect.stringContaining('answer'),
    });
  });

  test('devices get their classes and an equal share of the CPUs', async () => {
    const nvml = await openScripted(library, { 0: gpu(), 1: gpu({ uuid: 'GPU-bbbb' }) });
    const devices = nvidiaDevices(nvml, [0, 1, 2, 3]);
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
  ['NVIDIA A100-SXM4-40GB MIG 3g.20gb', 'a100-3g.20gb'],
  ['NVIDIA H100 80GB HBM3 MIG 1g.10gb+me', 'h100-1g.10gb+me'],
])('%s is %s', (name, expected) => {
  expect(shortName(name)).toBe(expected);
});
