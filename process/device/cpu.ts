import { arch, availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { failed } from '../../core/errors.js';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { formatCpuList, readAffinity } from './affinity.js';
import { systemText } from './system-text.js';

/** Features that decide which kernels an engine picks; the names are those of /proc/cpuinfo. */
const TELLING_FEATURES =
  /^(sse4_2|avx|avx2|f16c|fma|bmi2|avx512\w*|avx_vnni|amx_\w+|asimd|asimddp|asimdhp|bf16|i8mm|sve|sve2|fphp)$/;

export interface CpuFacts {
  readonly model: string;
  readonly features: readonly string[];
  /** Logical CPUs this process may use: all of them, or what a cpuset or taskset left. */
  readonly allowed: readonly number[];
}

/** What /proc says of the CPU; elsewhere what Node knows. */
export function readCpu(procRoot = '/proc'): CpuFacts {
  const text = systemText(join(procRoot, 'cpuinfo')) ?? '';
  const field = (name: RegExp) => name.exec(text)?.[1]?.trim();
  const flags = field(/^(?:flags|Features)\s*:\s*(.+)$/m) ?? '';
  return {
    model: field(/^model name\s*:\s*(.+)$/m) ?? cpus()[0]?.model ?? 'unknown CPU',
    features: flags.split(/\s+/).filter((flag) => TELLING_FEATURES.test(flag)),
    allowed:
      readAffinity('self', procRoot) ?? Array.from({ length: availableParallelism() }, (_, cpu) => cpu),
  };
}

/**
 * @param groups CPUs of each device as the node's config splits them; empty = one device of all allowed CPUs.
 * @param cpuQuota CPUs' worth of time the cgroup grants; a device larger than that would be throttled.
 * @throws FailureError `device-missing` when a group names a CPU that this process may not use.
 */
export function cpuDevices(
  facts: CpuFacts,
  groups: readonly (readonly number[])[],
  memoryBytes: number,
  cpuQuota: number | null,
): DeviceProfile[] {
  const granted = cpuQuota === null ? facts.allowed.length : Math.max(1, Math.floor(cpuQuota));
  const stranger = groups.flat().find((cpu) => !facts.allowed.includes(cpu));
  if (stranger !== undefined) {
    const message = `cpuGroups names CPU ${stranger}, and the agent may only use ${formatCpuList(facts.allowed)}`;
    throw failed('device-missing', message, 'Correct cpuGroups in its config.');
  }
  const all = groups.length > 0 ? groups : [facts.allowed.slice(0, granted)];
  const same = { classes: ['cpu', `cpu:${machineName()}`], name: facts.model, memoryBytes };
  return all.map((cpus, index) => ({ id: `cpu${index}`, ...same, cpus }));
}

function machineName(): string {
  const name = arch();
  return name === 'x64' ? 'x86_64' : name === 'arm64' ? 'aarch64' : name;
}
