import { join } from 'node:path';
import { SHARED_DOMAIN } from '../../core/metrics/energy-domains.js';
import type { AmdSmi } from '../../process/device/amd-smi.js';
import type { SysfsGpu } from '../../process/device/sysfs-gpus.js';
import { absentMeter, energyQuantity, type Meter, type MeterSearch, quantity } from './meter.js';
import { fileSourceIfThere, type Source, sourceMeter } from './sources.js';

/** How often the driver renews its average of power, until that has been measured. */
const ENERGY_PERIOD_SECONDS = 0.1;
const STATE_PERIOD_SECONDS = 0.5;

/** A GPU's counter, or why it has none that can be believed. */
export type AmdCounter = { readonly amdSmi: AmdSmi } | { readonly reason: string };

/**
 * Energy and power of one AMD GPU. The counter is that of AMD's library; power is what the driver's hwmon
 * says (kernel docs, gpu/amdgpu/thermal): `power1_average` on boards that average in firmware, `power1_input`
 * on newer ones. An MI250 is two GPUs on one board: the even one reports what both draw, and the odd one 0.
 * So what the even one reports is labelled as the energy of a shared board, not as its own.
 */
export function findAmdMeter(gpu: SysfsGpu, counter: AmdCounter): MeterSearch {
  const { name, pciAddress, hwmonFolder } = gpu;
  const domain = /\bMI250/.test(name) ? SHARED_DOMAIN : 'gpu';
  const sources = [...counterSource(domain, pciAddress, counter), ...powerSource(domain, hwmonFolder)];
  if (sources.length > 0) return { found: true, meter: sourceMeter('amd', ENERGY_PERIOD_SECONDS, sources) };
  const library =
    'reason' in counter ? counter.reason : `${counter.amdSmi.library} has no energy counter for it`;
  return absentMeter('amd', `${name} has no power in hwmon, and ${library}`);
}

/** Memory, clock, load and temperature. They are read less often, because asking the firmware is slow. */
export function amdStateMeter({ folder, hwmonFolder }: SysfsGpu): Meter {
  const hwmon = hwmonFolder ?? folder;
  const [edge, junction] = ['temp1_input', 'temp2_input'].map((file) =>
    fileSourceIfThere(quantity('deviceTemperatureCelsius'), join(hwmon, file), 1e3),
  ) as [readonly Source[], readonly Source[]];
  // Boards for data centres have no sensor at the edge.
  if (edge.length > 0) for (const source of junction) source.close();
  const sources = [
    ...fileSourceIfThere(quantity('deviceMemoryBytes'), join(folder, 'mem_info_vram_used'), 1),
    ...fileSourceIfThere(quantity('deviceClockHertz'), join(hwmon, 'freq1_input'), 1),
    ...fileSourceIfThere(quantity('deviceUtilizationRatio'), join(folder, 'gpu_busy_percent'), 100),
    ...(edge.length > 0 ? edge : junction),
  ];
  return sourceMeter('amd-state', STATE_PERIOD_SECONDS, sources);
}

function counterSource(domain: string, pciAddress: string, counter: AmdCounter): readonly Source[] {
  if ('reason' in counter || counter.amdSmi.energyJoules(pciAddress) === null) return [];
  const readEnergy = () => counter.amdSmi.energyJoules(pciAddress);
  // The library stays open for the next trial.
  return [{ quantity: energyQuantity('energyJoules', domain), read: readEnergy, close() {} }];
}

/** A board that is on draws something: 0 is the driver's way to say that it does not know. */
function powerSource(domain: string, hwmonFolder: string | null): readonly Source[] {
  if (hwmonFolder === null) return [];
  const power = energyQuantity('powerWatts', domain);
  for (const file of ['power1_average', 'power1_input']) {
    for (const { quantity, read, close } of fileSourceIfThere(power, join(hwmonFolder, file), 1e6)) {
      const watts = () => read() || null;
      if (watts() !== null) return [{ quantity, read: watts, close }];
      close();
    }
  }
  return [];
}
