import type { RecordRoofs } from '../core/result/roofs-record.js';
import { ARITHMETICS, type Arithmetic } from '../core/work/work.js';
import { atThreads } from './at-threads.js';
import type { Ceilings } from './ceilings.js';

/**
 * The ceilings for work on a number of threads.
 * @param threads threads of the trial. If roofs were not measured at this number, those of the next lower
 *   number are used, or else those of the lowest. Roofs of a GPU have only one number.
 * @returns null when no bandwidth of memory was measured. The bandwidth of memory is that of reading, because
 *   inference mostly reads; another access is used only if reading was not measured.
 */
export function ceilingsAt(
  roofs: RecordRoofs,
  device: { readonly name: string; readonly memoryBytes: number | null },
  threads: number,
): Ceilings | null {
  const all = roofs.bandwidth.filter(({ level }) => level === 'memory');
  const read = all.filter(({ access }) => access === 'read');
  const memory = atThreads(read.length > 0 ? read : all, threads);
  if (memory.length === 0) return null;
  const peaks: Partial<Record<Arithmetic, number>> = {};
  for (const arithmetic of ARITHMETICS) {
    const own = atThreads(
      roofs.compute.filter((roof) => roof.arithmetic === arithmetic),
      threads,
    );
    if (own.length > 0) peaks[arithmetic] = Math.max(...own.map(({ flopsPerSecond }) => flopsPerSecond));
  }
  const link = (kind: RegExp) => {
    const found = roofs.links.filter(({ name }) => kind.test(name));
    return found.length === 0 ? null : Math.max(...found.map(({ bytesPerSecond }) => bytesPerSecond));
  };
  return {
    name: device.name,
    origin: 'measured',
    memoryBytesPerSecond: Math.max(...memory.map(({ bytesPerSecond }) => bytesPerSecond)),
    peaks,
    peerBytesPerSecond: link(/^(nvlink|xgmi|peer)/),
    hostBytesPerSecond: link(/^pcie:host-to-device/),
    memoryBytes: device.memoryBytes,
  };
}
