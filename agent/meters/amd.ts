import { join } from 'node:path';
import type { AmdSmi } from '../device/amd-smi.js';
import type { SysfsGpu } from '../device/sysfs-gpus.js';
import type { Meter, MeterSearch } from './meter.js';
import { energyCounter, fileSourceIfThere, gauge, powerGauge, type Source, SourceMeter } from './sources.js';

/** Until it is measured: what the driver's average of power is renewed at. */
const ENERGY_PERIOD_SECONDS = 0.1;
const STATE_PERIOD_SECONDS = 0.5;

/** A GPU's counter, or why it has none that can be believed. */
export type AmdCounter = { readonly amdSmi: AmdSmi } | { readonly reason: string };

/**
 * Energy and power of one AMD GPU. The counter is that of AMD's library; power is what the driver's hwmon says
 * (kernel docs, gpu/amdgpu/thermal): `power1_average` on boards that average in firmware, `power1_input` on newer
 * ones. On an MI250 the even half reports both halves, and the odd one nothing.
 */
export function findAmdMeter(gpu: SysfsGpu, counter: AmdCounter): MeterSearch {
  const { pciAddress, hwmonFolder } = gpu;
  const sources = [...counterSource(pciAddress, counter), ...powerSource(hwmonFolder)];
  if (sources.length > 0) {
    return { found: true, meter: new SourceMeter('amd', ENERGY_PERIOD_SECONDS, sources) };
  }
  const library =
    'reason' in counter ? counter.reason : `${counter.amdSmi.library} has no energy counter for it`;
  const reason = `${gpu.name} has no power sensor in hwmon, and ${library}`;
  return { found: false, name: 'amd', reason };
}

/** Memory, clock, load and temperature: read more seldom, since each question to the firmware takes its time. */
export function amdStateMeter({ folder, hwmonFolder }: SysfsGpu): Meter {
  const hwmon = hwmonFolder ?? folder;
  const [edge, junction] = ['temp1_input', 'temp2_input'].map((file) =>
    fileSourceIfThere(gauge('deviceTemperatureCelsius', 'celsius'), join(hwmon, file), 1e3),
  ) as [readonly Source[], readonly Source[]];
  // Boards for data centres have no sensor at the edge.
  if (edge.length > 0) for (const source of junction) source.close();
  const sources = [
    ...fileSourceIfThere(gauge('deviceMemoryBytes', 'B'), join(folder, 'mem_info_vram_used'), 1),
    ...fileSourceIfThere(gauge('deviceClockHertz', 'Hz'), join(hwmon, 'freq1_input'), 1),
    ...fileSourceIfThere(gauge('deviceUtilizationRatio', 'ratio'), join(folder, 'gpu_busy_percent'), 100),
    ...(edge.length > 0 ? edge : junction),
  ];
  return new SourceMeter('amd-state', STATE_PERIOD_SECONDS, sources);
}

function counterSource(pciAddress: string, counter: AmdCounter): readonly Source[] {
  if ('reason' in counter || counter.amdSmi.energyJoules(pciAddress) === null) return [];
  const { amdSmi } = counter;
  // The library stays open for the next trial.
  return [{ quantity: energyCounter('gpu'), read: () => amdSmi.energyJoules(pciAddress), close() {} }];
}

function powerSource(hwmonFolder: string | null): readonly Source[] {
  if (hwmonFolder === null) return [];
  const quantity = powerGauge('gpu');
  const average = fileSourceIfThere(quantity, join(hwmonFolder, 'power1_average'), 1e6);
  return average.length > 0 ? average : fileSourceIfThere(quantity, join(hwmonFolder, 'power1_input'), 1e6);
}
