import { describe, expect, test } from 'vitest';
import { findIntelGpuMeter } from '../../../agent/meters/intel-gpu.js';
import { findSysfsGpus, vulkanDevices } from '../../../process/device/sysfs-gpus.js';
import { intelCard } from '../../support/gpu-trees.js';
import { found, tree, values } from '../../support/system-tree.js';

const PCI = '0000:03:00.0';
const gpu = (...counters: Parameters<typeof intelCard>[2][number][]) =>
  findSysfsGpus(tree(intelCard(1, PCI, counters)))[0]!;

describe('the Intel GPU meter', () => {
  test('reads the one counter of i915', () => {
    const meter = found(findIntelGpuMeter(gpu([null, 12_500_000])));
    const readings = values(meter.read());
    expect(readings).toMatchObject({ 'energyJoules:gpu': 12.5, deviceTemperatureCelsius: 51 });
    expect(readings.deviceClockHertz).toBeCloseTo(2.05e9, 0);
    meter.close();
  });

  test('takes the card of xe, which contains the package, in whatever order they come, and never their sum', () => {
    for (const order of [
      [['pkg', 4e6] as const, ['card', 9e6] as const],
      [['card', 9e6] as const, ['pkg', 4e6] as const],
    ]) {
      const meter = found(findIntelGpuMeter(gpu(...order)));
      expect(values(meter.read())['energyJoules:gpu']).toBe(9);
      meter.close();
    }
    const onlyPackage = found(findIntelGpuMeter(gpu(['pkg', 4e6])));
    expect(values(onlyPackage.read())['energyJoules:gpu']).toBe(4);
    onlyPackage.close();
  });

  test('is absent for a GPU inside a processor, and for counters of other parts', () => {
    const reason = 'Intel 0x56a0 has no energy counter in hwmon';
    expect(findIntelGpuMeter(gpu())).toEqual({ found: false, name: 'intel-gpu', reason });
    expect(findIntelGpuMeter(gpu(['vram', 1]))).toMatchObject({ found: false });
  });

  test('the card is a device with the memory that its window shows', () => {
    expect(vulkanDevices([gpu([null, 1])], [0])).toMatchObject([
      { id: PCI, classes: ['vulkan', 'vulkan:intel'], memoryBytes: 16 * 2 ** 30 },
    ]);
    const small = intelCard(1, PCI, [[null, 1]]);
    small['class/drm/card1/device/resource'] = '0x6000000000 0x600fffffff 0x14220c\n';
    expect(vulkanDevices(findSysfsGpus(tree(small)), [0])).toEqual([]);
  });
});
