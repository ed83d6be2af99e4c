import { type AmdCounter, amdStateMeter, findAmdMeter } from './amd.js';
import { findAppleMeter } from './apple.js';
import { findIntelGpuMeter } from './intel-gpu.js';
import { findJetsonMeter } from './jetson.js';
import { absentMeter, type MeterSearch } from './meter.js';
import { findPerfMeter } from './perf.js';
import { powermetricsMeter } from './powermetrics.js';
import { findRaplMeter } from './rapl.js';
import type { Sensors } from './sensors.js';

/**
 * Energy of the whole node: of its processor, and of a module or chip that CPU and GPU share. Sources that
 * a machine of this kind never has are not mentioned.
 */
export function findNodeEnergy(sysRoot: string, procRoot: string, sensors: Sensors): readonly MeterSearch[] {
  if (sensors.ioReport !== null) return [appleEnergy(sensors)];
  const jetson = findJetsonMeter(sysRoot);
  return [processorEnergy(sysRoot, procRoot, sensors), ...(jetson === null ? [] : [jetson])];
}

/**
 * Meters of a GPU of AMD or Intel; none for every other device. If a trial has several,
 * none is read, because the reading of one would be taken for that of all.
 */
export function findGpuMeters(
  { gpus, amdCounters }: Sensors,
  deviceIds: readonly string[],
  energy: boolean,
): readonly MeterSearch[] {
  const [gpu, ...others] = gpus.filter(({ pciAddress }) => deviceIds.includes(pciAddress));
  if (gpu === undefined) return [];
  if (others.length > 0) {
    const name = gpu.vendor === 'intel' ? 'intel-gpu' : 'amd';
    const reason = `GPUs of AMD and Intel are not read together, and the trial has ${deviceIds.length}`;
    return [absentMeter(name, reason)];
  }
  const deviceId = gpu.pciAddress;
  if (gpu.vendor === 'intel') return energy ? [findIntelGpuMeter(gpu)] : [];
  const counter: AmdCounter = amdCounters[deviceId] ?? { reason: 'no AMD SMI library was opened' };
  const state: MeterSearch = { found: true, meter: amdStateMeter(gpu) };
  if (!energy) return [state];
  const amd = findAmdMeter(gpu, counter);
  // Without a counter, power is integrated, and the record says why there is no counter.
  const uncounted = amd.found && 'reason' in counter ? [absentMeter('amd-counter', counter.reason)] : [];
  return [amd, ...uncounted, state];
}

/** Powercap comes first: perf events are the same counters, and need more rights. */
function processorEnergy(sysRoot: string, procRoot: string, sensors: Sensors): MeterSearch {
  const rapl = findRaplMeter(sysRoot);
  if (rapl.found) return rapl;
  const perf = findPerfMeter(sysRoot, procRoot, sensors.perf);
  if (perf === null) return rapl;
  return perf.found ? perf : { ...rapl, reason: `${rapl.reason}; ${perf.reason}` };
}

function appleEnergy({ ioReport, powermetrics }: Sensors): MeterSearch {
  const search: MeterSearch =
    ioReport?.found === true
      ? findAppleMeter(ioReport.ioReport)
      : absentMeter('apple', ioReport?.reason ?? 'IOReport was not opened');
  if (search.found) return search;
  if (powermetrics?.found === true) return { found: true, meter: powermetricsMeter(powermetrics.command) };
  const other =
    powermetrics?.reason ?? 'powermetrics is not allowed (meters.powermetrics in the agent’s config)';
  return absentMeter('apple', `${search.reason}; ${other}`);
}
