import { join } from 'node:path';
import type { DeviceProfile, NodeProfile } from '../core/experiment/node.js';
import { systemText } from './device/system-text.js';
import type { NvmlState } from './meters/index.js';

export type EnvironmentFacts = Record<string, string | number | boolean | null>;

/** What of the machine can change a number, as flat facts for the record. */
export function machineFacts(
  profile: NodeProfile,
  device: DeviceProfile,
  nvml: NvmlState,
  sysRoot = '/sys',
): EnvironmentFacts {
  const gpu = 'nvml' in nvml ? nvml.nvml.devices.find(({ uuid }) => uuid === device.id) : undefined;
  return {
    ridgepoint: profile.version,
    nodejs: process.version,
    os: profile.os,
    deviceCpus: device.cpus.join(','),
    cpuGovernor: read(sysRoot, `cpu${device.cpus[0] ?? 0}/cpufreq/scaling_governor`),
    cpuTurbo: turbo(sysRoot),
    ...(gpu === undefined || !('nvml' in nvml)
      ? {}
      : { nvidiaDriver: nvml.nvml.driverVersion, powerLimitWatts: gpu.powerLimitWatts() }),
  };
}

/** null where the system does not say: most virtual machines. */
function turbo(sysRoot: string): boolean | null {
  const off = read(sysRoot, 'intel_pstate/no_turbo');
  if (off !== null) return off === '0';
  const boost = read(sysRoot, 'cpufreq/boost');
  return boost === null ? null : boost === '1';
}

function read(sysRoot: string, file: string): string | null {
  return systemText(join(sysRoot, 'devices/system/cpu', file));
}
