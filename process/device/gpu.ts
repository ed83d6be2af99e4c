import { arch, platform } from 'node:os';
import type { DeviceProfile } from '../../core/experiment/node.js';
import type { Nvml, NvmlDevice } from './nvml.js';

/**
 * One device per NVIDIA GPU, or MIG instance; each gets an equal share of the CPUs, so that its trials do not
 * meet.
 * @param named those that may be used, as CUDA_VISIBLE_DEVICES spells them; null = all.
 */
export function nvidiaDevices(
  nvml: Pick<Nvml, 'devices'>,
  cpus: readonly number[],
  named: readonly string[] | null = null,
): DeviceProfile[] {
  const visible = named === null ? nvml.devices : visibleOf(nvml.devices, named);
  return visible.map(({ uuid, name, memoryBytes }, index) => {
    const classes = ['cuda', `cuda:${shortName(name)}`];
    return { id: uuid, classes, name, memoryBytes, cpus: shareOf(cpus, index, visible.length) };
  });
}

/**
 * As the driver reads the variable: a place in the order of the PCI bus, or the start of a UUID; what names
 * none ends the list.
 */
function visibleOf(all: readonly NvmlDevice[], named: readonly string[]): NvmlDevice[] {
  const byStart = (name: string) => all.find(({ uuid }) => uuid.startsWith(name));
  const found = named.map((name) => (/^\d+$/.test(name) ? all[Number(name)] : byStart(name)));
  const end = found.indexOf(undefined);
  const known = found.slice(0, end < 0 ? found.length : end).filter((device) => device !== undefined);
  return [...new Set(known)];
}

/** Apple's chips have one GPU that shares the machine's memory. */
export function metalDevices(chip: string, cpus: readonly number[], memoryBytes: number): DeviceProfile[] {
  if (platform() !== 'darwin' || arch() !== 'arm64') return [];
  const name = chip.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return [{ id: 'metal0', classes: ['metal', `metal:${name}`], name: chip, memoryBytes, cpus }];
}

/**
 * `NVIDIA H100 80GB HBM3` → `h100`, `NVIDIA GeForce RTX 4090` → `rtx-4090`. A MIG instance is a class of its
 * own, since it is a part of the GPU: `NVIDIA H100 80GB HBM3 MIG 1g.10gb` → `h100-1g.10gb`.
 */
export function shortName(name: string): string {
  const [gpu = name, instance] = name.split(/ MIG (?=\d)/);
  const short = shortGpuName(gpu);
  return instance === undefined ? short : `${short}-${instance.trim().toLowerCase()}`;
}

function shortGpuName(name: string): string {
  const text = name
    .toLowerCase()
    .replace(/\b(nvidia|geforce|tesla|quadro|graphics)\b/g, ' ')
    .replace(/\b\d+ ?gb\b.*$/, ' ')
    .replace(/-(pcie|sxm\d*).*$/, ' ')
    .trim();
  const chosen = text.split(/\s+/).filter((word) => !/^(pcie|sxm\d*|hbm\d\w*|nvl|mig)$/.test(word));
  return chosen.join('-') || 'gpu';
}

/** @returns the CPUs of device `index` out of `count` that share them. */
export function shareOf(cpus: readonly number[], index: number, count: number): readonly number[] {
  const from = Math.floor((cpus.length * index) / count);
  const to = Math.floor((cpus.length * (index + 1)) / count);
  return to > from ? cpus.slice(from, to) : cpus;
}
