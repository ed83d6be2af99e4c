import type { Roofs } from '../roofline/roofs.js';
import type { Arithmetic } from '../roofline/work.js';
import type { OpType } from './op.js';

/** What each type is multiplied as here: halves are widened, int4 is multiplied as int8. */
const ARITHMETIC: Readonly<Record<OpType, Arithmetic>> = {
  f32: 'f32',
  f16: 'f32',
  bf16: 'bf16',
  int8: 'int8',
  int4: 'int8',
};

/**
 * Share of the roof that a time reaches: the time that memory or arithmetic asks at least, whichever is longer, over it.
 * @param threads of a CPU; the roofs of a GPU have but one number.
 * @param seconds of one run whose inputs come from memory.
 * @returns null where the roofs have no reading of memory for so many threads.
 */
export function roofShare(
  roofs: Roofs,
  type: OpType,
  work: { readonly flops: number; readonly bytes: number },
  threads: number,
  seconds: number,
): number | null {
  const memory = roofs.bandwidth.find(
    (roof) => roof.level === 'memory' && roof.access === 'read' && roof.threads === threads,
  );
  if (memory === undefined) return null;
  const peaks = roofs.compute.filter(
    (roof) => roof.arithmetic === ARITHMETIC[type] && roof.threads === threads,
  );
  const peak = Math.max(...peaks.map((roof) => roof.flopsPerSecond.value));
  const least = Math.max(
    work.bytes / memory.bytesPerSecond.value,
    peaks.length === 0 ? 0 : work.flops / peak,
  );
  return least / seconds;
}
