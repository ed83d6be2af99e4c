import type { NvmlSettingsSearch } from '../../process/device/nvml-settings.js';
import { type ControlSearch, SETTING_NAMES, type SettingName } from './control.js';
import { findCpuClock, openCpuClock } from './cpu-clock.js';
import { findGpuClock, findGpuPower, type RestingClocks } from './gpu.js';
import { findPackagePower, openPackagePower } from './package-power.js';
import type { Target } from './protocol.js';

/** Where the helper looks for controls. */
export interface Machine {
  readonly sysRoot: string;
  readonly nvml: NvmlSettingsSearch;
  readonly restingClocks: RestingClocks;
}

/** @returns every control of a target, and why it lacks the others. */
export function controlsOf(target: Target, machine: Machine): readonly ControlSearch[] {
  if ('gpu' in target) return SETTING_NAMES.map((name) => gpuControl(name, target.gpu, machine));
  return [...findPackagePower(target.cpus, machine.sysRoot), findCpuClock(target.cpus, machine.sysRoot)];
}

/**
 * @returns the control that a journal names; the journal is the helper's own, yet an id opens nothing else.
 */
export function controlNamed(id: string, machine: Machine): ControlSearch {
  const [, kind, name = ''] = /^([a-z-]+):(.+)$/.exec(id) ?? [];
  if (kind === 'rapl' && /^\d{1,3}$/.test(name)) return openPackagePower(Number(name), machine.sysRoot);
  if (kind === 'cpufreq' && /^\d+(,\d+)*$/.test(name)) {
    return openCpuClock(name.split(',').map(Number), machine.sysRoot);
  }
  if (kind === 'gpu-power') return gpuControl('powerCapWatts', name, machine);
  if (kind === 'gpu-clock') return gpuControl('lockedClockHertz', name, machine);
  return { found: false, name: 'powerCapWatts', reason: `${id} names no control` };
}

function gpuControl(name: SettingName, uuid: string, machine: Machine): ControlSearch {
  if (!machine.nvml.found) return { found: false, name, reason: machine.nvml.reason };
  const gpu = machine.nvml.nvml.gpu(uuid);
  if (gpu === null) return { found: false, name, reason: `the driver knows no GPU ${uuid}` };
  return name === 'powerCapWatts' ? findGpuPower(uuid, gpu) : findGpuClock(uuid, gpu, machine.restingClocks);
}
