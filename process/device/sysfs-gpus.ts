import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceProfile } from '../../core/experiment/node.js';
import { orElse } from '../../core/or-else.js';
import { shareOf } from './gpu.js';
import { systemText } from './system-text.js';

/** A GPU of AMD or Intel as the kernel shows it. NVIDIA's come through NVML. */
export interface SysfsGpu {
  /** `0000:03:00.0`: what engines call it too, and therefore its id on the node. */
  readonly pciAddress: string;
  readonly vendor: 'amd' | 'intel';
  readonly name: string;
  /** Of its own; null where it has none, or the driver does not say. */
  readonly memoryBytes: number | null;
  /** /sys/class/drm/card0 */
  readonly cardFolder: string;
  /** Folder of its PCI device. */
  readonly folder: string;
  /** Folder of its sensors; null when the driver has none. */
  readonly hwmonFolder: string | null;
}

/** PCI vendor ids. */
const VENDORS: Readonly<Record<string, SysfsGpu['vendor']>> = { '0x1002': 'amd', '0x8086': 'intel' };
const WORDS = { amd: 'AMD', intel: 'Intel' } as const;

/** @returns the GPUs of AMD and Intel in the order of their PCI addresses. */
export function findSysfsGpus(sysRoot = '/sys'): readonly SysfsGpu[] {
  const drm = join(sysRoot, 'class/drm');
  const gpus = entries(drm, /^card\d+$/).flatMap((card): SysfsGpu[] => {
    const cardFolder = join(drm, card);
    const folder = join(cardFolder, 'device');
    const vendor = VENDORS[systemText(join(folder, 'vendor')) ?? ''];
    const pciAddress = /^PCI_SLOT_NAME=(.+)$/m.exec(systemText(join(folder, 'uevent')) ?? '')?.[1];
    if (vendor === undefined || pciAddress === undefined) return [];
    const product = systemText(join(folder, 'product_name')) || systemText(join(folder, 'device'));
    const [hwmon] = entries(join(folder, 'hwmon'), /^hwmon\d+$/);
    const name = `${WORDS[vendor]} ${product ?? 'GPU'}`.replace(/^AMD AMD /, 'AMD ');
    const hwmonFolder = hwmon === undefined ? null : join(folder, 'hwmon', hwmon);
    const memoryBytes = memoryOf(vendor, folder);
    return [{ pciAddress, vendor, name, memoryBytes, cardFolder, folder, hwmonFolder }];
  });
  return gpus.sort((a, b) => (a.pciAddress < b.pciAddress ? -1 : 1));
}

/** One device per GPU with memory of its own; engines reach them through Vulkan, under their PCI address. */
export function vulkanDevices(gpus: readonly SysfsGpu[], cpus: readonly number[]): DeviceProfile[] {
  const own = gpus.flatMap(({ memoryBytes, ...gpu }) =>
    memoryBytes === null ? [] : [{ ...gpu, memoryBytes }],
  );
  return own.map(({ pciAddress, vendor, name, memoryBytes }, index) => {
    const classes = ['vulkan', `vulkan:${vendor}`];
    return { id: pciAddress, classes, name, memoryBytes, cpus: shareOf(cpus, index, own.length) };
  });
}

/** Less than this through a window says that the window is small, not the memory. */
const SMALL_WINDOW_BYTES = 2 ** 30;
/** linux/ioport.h: IORESOURCE_PREFETCH. */
const PREFETCHABLE = 0x2000;

/**
 * amdgpu tells it; Intel's drivers show it as the window onto it, when the firmware makes that large enough.
 */
function memoryOf(vendor: SysfsGpu['vendor'], folder: string): number | null {
  if (vendor === 'amd') {
    const bytes = Number(systemText(join(folder, 'mem_info_vram_total')));
    return bytes > 0 ? bytes : null;
  }
  const windows = (systemText(join(folder, 'resource')) ?? '').split('\n').map((line) => {
    const [start = 0, end = 0, flags = 0] = line.split(' ').map(Number);
    return flags & PREFETCHABLE ? end - start + 1 : 0;
  });
  const largest = Math.max(...windows);
  return largest >= SMALL_WINDOW_BYTES ? largest : null;
}

function entries(folder: string, names: RegExp): readonly string[] {
  return orElse(() => readdirSync(folder).filter((entry) => names.test(entry)), []);
}
