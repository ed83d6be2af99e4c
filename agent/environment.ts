import type { DeviceProfile, NodeProfile } from '../core/experiment/node.js';
import { readHost } from '../process/device/host.js';
import type { MeterSettings, NvmlState } from './meters/index.js';

export type EnvironmentFacts = Record<string, string | number | boolean | null>;

/** What of the machine can change a number, as flat facts for the record. */
export function machineFacts(
  profile: NodeProfile,
  device: DeviceProfile,
  nvml: NvmlState,
  { procRoot, sysRoot }: Pick<MeterSettings, 'procRoot' | 'sysRoot'>,
): EnvironmentFacts {
  const gpu = 'nvml' in nvml ? nvml.nvml.devices.find(({ uuid }) => uuid === device.id) : undefined;
  return {
    ridgepoint: profile.version,
    nodejs: process.version,
    os: profile.os,
    deviceCpus: device.cpus.join(','),
    ...readHost(device.cpus, { procRoot, sysRoot, cgroupRoot: '/sys' }),
    ...(gpu === undefined || !('nvml' in nvml)
      ? {}
      : { nvidiaDriver: nvml.nvml.driverVersion, powerLimitWatts: gpu.powerLimitWatts() }),
  };
}
