import { join } from 'node:path';
import type { SysfsGpu } from '../../process/device/sysfs-gpus.js';
import { systemText } from '../../process/device/system-text.js';
import { absentMeter, energyQuantity, type MeterSearch, quantity } from './meter.js';
import { fileSource, fileSourceIfThere, sourceMeter } from './sources.js';

const PERIOD_SECONDS = 0.05;

/**
 * Energy counter of one Intel GPU in hwmon (kernel ABI docs, sysfs-driver-intel-i915-hwmon and -xe-hwmon).
 * i915 has one; xe labels them `card` and `pkg`, of which the card contains the package, so one is taken and
 * never their sum. The driver undoes the wraps of its registers. A GPU inside a processor has none: RAPL's
 * package contains it.
 */
export function findIntelGpuMeter({ name, cardFolder, hwmonFolder }: SysfsGpu): MeterSearch {
  const absent = absentMeter('intel-gpu', `${name} has no energy counter in hwmon`);
  if (hwmonFolder === null) return absent;
  const file = [1, 2, 3, 4]
    .map((number) => ({
      path: join(hwmonFolder, `energy${number}_input`),
      label: systemText(join(hwmonFolder, `energy${number}_label`)),
    }))
    .filter(({ path, label }) => systemText(path) !== null && (label === null || RANK.includes(label)))
    .sort((a, b) => rank(a.label) - rank(b.label))[0];
  if (file === undefined) return absent;
  const sources = [
    fileSource(energyQuantity('energyJoules', 'gpu'), file.path, 1e6),
    ...fileSourceIfThere(quantity('deviceTemperatureCelsius'), join(hwmonFolder, 'temp1_input'), 1e3),
    ...fileSourceIfThere(quantity('deviceClockHertz'), join(cardFolder, 'gt_act_freq_mhz'), 1e-6),
  ];
  return { found: true, meter: sourceMeter('intel-gpu', PERIOD_SECONDS, sources) };
}

const RANK: readonly string[] = ['card', 'pkg'];

function rank(label: string | null): number {
  return label === null ? 0 : RANK.indexOf(label);
}
