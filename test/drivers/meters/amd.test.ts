import { afterEach, describe, expect, test } from 'vitest';
import { amdStateMeter, findAmdMeter } from '../../../agent/meters/amd.js';
import { believedCounter } from '../../../agent/meters/sensors.js';
import { type AmdSmi, openAmdSmi } from '../../../process/device/amd-smi.js';
import { findSysfsGpus, vulkanDevices } from '../../../process/device/sysfs-gpus.js';
import { compileStub, hasGcc, setStub } from '../../support/c-stub.js';
import { amdCard } from '../../support/gpu-trees.js';
import { found, tree, values } from '../../support/system-tree.js';

const FLAGS = [
  'AMD_STUB_WATTS',
  'AMD_STUB_STUCK',
  'AMD_STUB_NO_COUNTER',
  'AMD_STUB_NO_INIT',
  'AMD_STUB_NO_GPU',
  'AMD_STUB_SENTINEL',
];
afterEach(() => setStub(Object.fromEntries(FLAGS.map((name) => [name, undefined]))));

const first = (root: string) => findSysfsGpus(root)[0]!;
const NO_LIBRARY = { reason: 'no library' };

describe('an AMD GPU in /sys', () => {
  test('is a device under its PCI address, with the memory of the board', () => {
    const root = tree({ ...amdCard(1, '0001:43:00.0', 250), ...amdCard(0, '0000:03:00.0', 100) });
    const gpus = findSysfsGpus(root);
    expect(gpus.map(({ pciAddress, name }) => [pciAddress, name])).toEqual([
      ['0000:03:00.0', 'AMD Instinct MI210'],
      ['0001:43:00.0', 'AMD Instinct MI210'],
    ]);
    expect(vulkanDevices(gpus, [0, 1, 2, 3])).toEqual([
      expect.objectContaining({
        id: '0000:03:00.0',
        classes: ['vulkan', 'vulkan:amd'],
        memoryBytes: 2 ** 36,
        cpus: [0, 1],
      }),
      expect.objectContaining({ id: '0001:43:00.0', cpus: [2, 3] }),
    ]);
  });

  test('has power and state from hwmon without any library, by whichever name its power has', () => {
    const average = first(tree(amdCard(0, '0000:03:00.0', 100)));
    const meter = found(findAmdMeter(average, NO_LIBRARY));
    expect(values(meter.read())).toEqual({ 'powerWatts:gpu': 100 });
    meter.close();
    const input = first(tree(amdCard(0, '0000:03:00.0', 55, { power: 'power1_input' })));
    expect(values(found(findAmdMeter(input, NO_LIBRARY)).read())).toEqual({ 'powerWatts:gpu': 55 });
    const state = amdStateMeter(average);
    expect(values(state.read())).toEqual({
      deviceMemoryBytes: 3 * 2 ** 30,
      deviceClockHertz: 1.7e9,
      deviceUtilizationRatio: 0.87,
      deviceTemperatureCelsius: 45,
    });
    state.close();
  });

  test('takes the junction’s temperature where there is no sensor at the edge', () => {
    const state = amdStateMeter(
      first(tree(amdCard(0, '0000:03:00.0', 1, { temperatures: { temp2_input: '61000' } }))),
    );
    expect(values(state.read()).deviceTemperatureCelsius).toBe(61);
    state.close();
  });

  test('never takes 0 W for power, and an MI250’s even half for the board of both', () => {
    const half = (card: number, watts: number) => {
      const files = amdCard(card, `0000:0${card}:00.0`, watts);
      files[`class/drm/card${card}/device/product_name`] = 'AMD INSTINCT MI250X\n';
      return first(tree(files));
    };
    const even = found(findAmdMeter(half(0, 480), NO_LIBRARY));
    expect(values(even.read())).toEqual({ 'powerWatts:board': 480 });
    even.close();
    expect(findAmdMeter(half(1, 0), NO_LIBRARY)).toMatchObject({ found: false });
    const root = tree(amdCard(0, '0000:03:00.0', 100));
    const meter = found(findAmdMeter(first(root), NO_LIBRARY));
    tree(amdCard(0, '0000:03:00.0', 0), root);
    expect(meter.read()).toEqual([]);
    meter.close();
  });

  test('says what it looked for when there is neither power nor counter', () => {
    const gpu = first(tree(amdCard(0, '0000:03:00.0', 1, { power: 'power2_input' })));
    expect(findAmdMeter(gpu, NO_LIBRARY)).toEqual({
      found: false,
      name: 'amd',
      reason: 'AMD Instinct MI210 has no power in hwmon, and no library',
    });
  });
});

describe.skipIf(!hasGcc)('AMD’s libraries, by stubs of them (needs gcc)', () => {
  const libraries = hasGcc
    ? { amdsmi: compileStub('amd-smi-stub'), rocm: compileStub('amd-smi-stub', '-DROCM') }
    : { amdsmi: '', rocm: '' };
  const open = async (path: string): Promise<AmdSmi> => {
    const search = await openAmdSmi(['/nowhere/libamd_smi.so', path]);
    if (!search.found) throw new Error(search.reason);
    return search.amdSmi;
  };

  test.each(['amdsmi', 'rocm'] as const)('%s: counters by PCI address, in joules', async (kind) => {
    setStub({ AMD_STUB_WATTS: '100' });
    const amdSmi = await open(libraries[kind]);
    const now = () => Number(process.hrtime.bigint()) / 1e9;
    // The stub's GPUs draw this since the machine was started; what is read lies between two looks at the
    // clock.
    for (const [address, watts] of [
      ['0000:03:00.0', 100],
      ['0001:43:00.0', 200],
    ] as const) {
      const before = now();
      const seconds = amdSmi.energyJoules(address)! / watts;
      // A counter's step is a number of 32 bits.
      expect(seconds).toBeGreaterThan(before * (1 - 1e-6));
      expect(seconds).toBeLessThan(now() * (1 + 1e-6));
    }
    expect(amdSmi.energyJoules('0000:04:00.0')).toBeNull();
    setStub({ AMD_STUB_SENTINEL: '1' });
    expect(amdSmi.energyJoules('0000:03:00.0')).toBeNull();
    setStub({ AMD_STUB_NO_COUNTER: '1' });
    expect(amdSmi.energyJoules('0000:03:00.0')).toBeNull();
    amdSmi.close();
  });

  test.each(['amdsmi', 'rocm'] as const)('%s: says why it is of no use', async (kind) => {
    setStub({ AMD_STUB_NO_GPU: '1' });
    expect(await openAmdSmi([libraries[kind]])).toMatchObject({
      found: false,
      reason: expect.stringContaining('sees no GPU'),
    });
    setStub({ AMD_STUB_NO_INIT: '1' });
    expect(await openAmdSmi([libraries[kind]])).toMatchObject({
      found: false,
      reason: expect.stringMatching(/does not answer: \w+_init gave status 9/),
    });
    expect(await openAmdSmi(['/nowhere'])).toEqual({
      found: false,
      reason: 'no AMD SMI library (libamd_smi.so, librocm_smi64.so)',
    });
  });

  test('a counter that fits its board’s power is taken, and read beside it', async () => {
    setStub({ AMD_STUB_WATTS: '120' });
    const gpu = first(tree(amdCard(0, '0000:03:00.0', 100)));
    const counter = await believedCounter(gpu, await open(libraries.amdsmi), 0.05);
    const meter = found(findAmdMeter(gpu, counter));
    expect(meter.quantities.map(({ name, kind }) => [name, kind])).toEqual([
      ['energyJoules:gpu', 'counter'],
      ['powerWatts:gpu', 'gauge'],
    ]);
    const [before, after] = [meter.read()[0]!, meter.read()[0]!];
    expect(after.value).toBeGreaterThanOrEqual(before.value);
    meter.close();
  });

  test.each([
    [
      'counts in other units than it says',
      { AMD_STUB_WATTS: '0.01' },
      /counts 0\.0\d+ W while the board draws 100 W/,
    ],
    ['stands still', { AMD_STUB_STUCK: '1' }, /does not move/],
    ['is not there', { AMD_STUB_NO_COUNTER: '1' }, /has no energy counter/],
  ])('a counter that %s is left out for the power beside it', async (_, variables, why) => {
    setStub(variables);
    const gpu = first(tree(amdCard(0, '0000:03:00.0', 100)));
    const counter = await believedCounter(gpu, await open(libraries.amdsmi), 0.05);
    expect(counter).toEqual({ reason: expect.stringMatching(why) });
    expect(values(found(findAmdMeter(gpu, counter)).read())).toEqual({ 'powerWatts:gpu': 100 });
  });
});
