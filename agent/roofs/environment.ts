import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { measuringLibrary } from '../../engines/native/kernel-library.js';
import { formatCpuList } from '../../process/device/affinity.js';
import { isVirtual, largePagesMode } from '../../process/device/host.js';
import { systemText } from '../../process/device/system-text.js';
import { idOf } from './file-name.js';
import { readTopology } from './topology.js';

export type RoofsEnvironment = Record<string, string | number | boolean | null>;

/** What the ceilings of CPUs depend on: when one of these changes, they are measured again. */
export function cpuEnvironment(
  device: DeviceProfile,
  procRoot = '/proc',
  sysRoot = '/sys',
): RoofsEnvironment {
  const info = systemText(join(procRoot, 'cpuinfo')) ?? '';
  const field = (name: RegExp) => name.exec(info)?.[1]?.trim() ?? null;
  const cpu = `devices/system/cpu/cpu${device.cpus[0] ?? 0}`;
  const { caches } = readTopology(device.cpus, sysRoot);
  return {
    machine: machine(),
    cpuModel: field(/^model name\s*:\s*(.+)$/m) ?? device.name,
    microcode: field(/^microcode\s*:\s*(.+)$/m),
    hypervisor: isVirtual(procRoot),
    cpus: formatCpuList(device.cpus),
    caches: caches.map(({ level, bytes }) => `${level} ${bytes >> 10}K`).join(', ') || null,
    memoryBytes: memoryBytes(procRoot),
    governor: systemText(join(sysRoot, cpu, 'cpufreq/scaling_governor')),
    highestKilohertz: number(systemText(join(sysRoot, cpu, 'cpufreq/scaling_max_freq'))),
    largePages: largePagesMode(sysRoot),
    kernel: release(),
    kernelsDigest: buildOfRoofs(),
    instructionsAtMost: process.env.RIDGEPOINT_CPU || null,
  };
}

/** @returns the names of what differs, for people. */
export function changes(before: RoofsEnvironment, now: RoofsEnvironment): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => (before[name] ?? null) !== (now[name] ?? null));
}

/** What stands before that digest in a library (kernels/roofs/roofs.h). */
const MARK = 'ridgepoint-roofs:';

/**
 * @returns the digest of the code that measures CPUs, which another may do better: that of a library with
 *   these parts alone is the whole one's. It is read from the file, for nothing of ours is opened here; null
 *   without a library.
 */
export function buildOfRoofs(library: string | null = measuringLibrary()): string | null {
  if (library === null) return null;
  const bytes = readFileSync(library);
  const at = bytes.indexOf(MARK);
  return at < 0 ? null : bytes.toString('latin1', at + MARK.length, at + MARK.length + 16);
}

/** Of the whole library: kernels of GPUs are not told apart from the rest. */
export function digestOfKernels(): string | null {
  const library = measuringLibrary();
  return library === null ? null : idOf(readFileSync(library));
}

/** Tells machines apart that share a folder; null where the system has no id, as in many containers. */
function machine(): string | null {
  const id = systemText('/etc/machine-id');
  return id ? createHash('sha256').update(id).digest('hex').slice(0, 8) : null;
}

/** Whole GiB: what the system keeps for itself changes with every start. */
function memoryBytes(procRoot: string): number | null {
  const kilobytes = /^MemTotal:\s*(\d+) kB/m.exec(systemText(join(procRoot, 'meminfo')) ?? '')?.[1];
  return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 2 ** 20) * 2 ** 30;
}

function number(text: string | null): number | null {
  return text === null || !/^\d+$/.test(text) ? null : Number(text);
}
