import type { Roofs } from '../core/result/roofs.js';
import type { Arithmetic } from '../core/work/work.js';

/**
 * Share of the roof that a time reaches: the time that memory or arithmetic asks at least, whichever is
 * longer, over it.
 * @param threads of a CPU; the roofs of a GPU have but one number.
 * @param seconds of one run whose inputs come from memory.
 * @returns null where the roofs have no reading of memory for so many threads.
 */
export function roofShare(
  roofs: Roofs,
  arithmetic: Arithmetic,
  work: { readonly flops: number; readonly bytes: number },
  threads: number,
  seconds: number,
): number | null {
  const memory = roofs.bandwidth.find(
    (roof) => roof.level === 'memory' && roof.access === 'read' && roof.threads === threads,
  );
  if (memory === undefined) return null;
  const peaks = roofs.compute.filter((roof) => roof.arithmetic === arithmetic && roof.threads === threads);
  const peak = Math.max(...peaks.map((roof) => roof.flopsPerSecond.value));
  const least = Math.max(
    work.bytes / memory.bytesPerSecond.value,
    peaks.length === 0 ? 0 : work.flops / peak,
  );
  return least / seconds;
}
